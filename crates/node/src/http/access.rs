//! Who is let in.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// What a client must have.
#[derive(Debug)]
pub(super) struct Access {
    token: String,
}

impl Access {
    /// Whoever has this token, or a certificate that TLS has checked.
    pub(super) fn new(token: String) -> Self {
        Self { token }
    }

    /// Whether the sender of a request is let in. A certificate that TLS let through is of a configured authority.
    pub(super) fn admits(&self, has_certificate: bool, headers: &HeaderMap) -> bool {
        has_certificate || bearer(headers).is_some_and(|token| same(token.as_bytes(), self.token.as_bytes()))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Takes as long for a token that is nearly right as for one that is all wrong.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |so_far, (a, b)| so_far | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_or_the_token_and_nothing_else_opens_the_door() {
        let access = Access::new("secret".to_owned());
        let with = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert!(access.admits(true, &HeaderMap::new()));
        assert!(access.admits(false, &with("Bearer secret")) && access.admits(false, &with("bearer secret")));
        for wrong in ["Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Basic secret", "secret"] {
            assert!(!access.admits(false, &with(wrong)), "{wrong}");
        }
        assert!(!access.admits(false, &HeaderMap::new()));
    }
}
