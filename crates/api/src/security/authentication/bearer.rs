//! `Authorization: Bearer TOKEN`.

use hyper::header::HeaderValue;

/// Tokens of ours are below 2 KiB.
const MAX_LENGTH: usize = 16 * 1024;

/// The token in the header's value, if it is one.
pub(super) fn token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_token = !token.is_empty() && token.len() <= MAX_LENGTH && !token.contains(char::is_whitespace);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}
