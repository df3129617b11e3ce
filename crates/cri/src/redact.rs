//! Debug output of registry credentials. Requests are logged whole when something goes wrong, so the one message
//! that carries secrets must not print them.

use std::fmt;

use crate::v1::AuthConfig;

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("username", &self.username)
            .field("password", &mark(&self.password))
            .field("auth", &mark(&self.auth))
            .field("server_address", &self.server_address)
            .field("identity_token", &mark(&self.identity_token))
            .field("registry_token", &mark(&self.registry_token))
            .finish()
    }
}

/// Says whether a secret is there, and nothing else about it.
fn mark(secret: &str) -> &'static str {
    if secret.is_empty() { "" } else { "(hidden)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_appear_in_debug_output() {
        let auth = AuthConfig {
            username: "robot".into(),
            password: "pass-1".into(),
            auth: "auth-2".into(),
            server_address: "registry.example".into(),
            identity_token: "token-3".into(),
            registry_token: "token-4".into(),
        };
        let text = format!("{auth:?}");
        assert!(text.contains("robot") && text.contains("registry.example"), "{text}");
        for secret in ["pass-1", "auth-2", "token-3", "token-4"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
