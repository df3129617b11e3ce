//! JSON Web Tokens (RFC 7519), signed with ES256 and nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use super::claims::Claims;
use super::key::SigningKey;

const ALGORITHM: &str = "ES256";

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// Extensions that whoever reads it must know: we know none.
    #[serde(default)]
    crit: Option<Vec<String>>,
}

/// A token with these claims.
pub(super) fn signed(key: &SigningKey, claims: &Claims) -> Option<String> {
    let header = json!({"alg": ALGORITHM, "kid": key.id()}).to_string();
    let claims = serde_json::to_string(claims).ok()?;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(text.as_bytes())?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The claims of a token that this key has signed.
pub(super) fn claims(key: &SigningKey, token: &str) -> Option<Claims> {
    let (text, signature) = token.rsplit_once('.')?;
    let (header, claims) = text.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let is_ours = header.alg == ALGORITHM && header.kid == key.id() && header.crit.is_none();
    if !is_ours || !key.has_signed(text.as_bytes(), &decode(signature)?) {
        return None;
    }
    serde_json::from_slice(&decode(claims)?).ok()
}
