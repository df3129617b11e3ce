//! What a registry says when it wants a login (`WWW-Authenticate`, RFC 9110 and the distribution project's token
//! authentication).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How to log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With user name and password.
    Basic,
    /// With a token, to be had from a server.
    Bearer {
        /// The token server's address.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What it is for.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenge of a response: the one with a token, if there are several.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let mut found: Vec<Self> = values.filter_map(|value| Self::parse(value.to_str().ok()?)).collect();
        let bearer = found.iter().position(|challenge| matches!(challenge, Self::Bearer { .. })).unwrap_or(0);
        (!found.is_empty()).then(|| found.swap_remove(bearer))
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }
}

/// `name=value` or `name="value"`, separated by commas, which a quoted value may hold too.
fn parameters(mut text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']);
        let rest = rest.trim_start();
        let value;
        if let Some(quoted) = rest.strip_prefix('"') {
            (value, text) = unquote(quoted);
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (value, text) = (rest[..end].trim().to_owned(), &rest[end..]);
        }
        found.push((name, value));
    }
    found
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn challenge(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.to_owned(), service: owned(service), scope: owned(scope) })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let expected =
            bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some("repository:a/b:pull,push"));
        assert_eq!(challenge(&[hub]), expected);
        assert_eq!(
            challenge(&[r#"bearer realm="https://x/t" , SERVICE=plain"#]),
            bearer("https://x/t", Some("plain"), None)
        );
        assert_eq!(challenge(&[r#"Basic realm="a, b""#]), Some(Challenge::Basic));
        assert_eq!(challenge(&["Basic realm=x", "Bearer realm=https://t"]), bearer("https://t", None, None));
        assert_eq!(challenge(&[r#"Bearer realm="a\"b"#]), bearer("a\"b", None, None));
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for text in ["", "Negotiate", "Bearer", "Bearer service=x", "Bearer realm", "=", "Bearer \"=\""] {
            assert_eq!(challenge(&[text]), None, "{text}");
        }
        assert_eq!(challenge(&[]), None);
    }
}
