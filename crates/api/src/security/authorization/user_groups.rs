//! Who needs no role, and who gets none.

use crate::access::{Request, User};
use crate::security::authentication::ANONYMOUS;
use crate::security::certificates::MASTERS;

/// What tells nothing but that the API is there, and of which version.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];
const VERSION: [&str; 2] = ["/version", "/version/"];

/// Whether a user may do everything.
#[must_use]
pub fn is_master(user: &User) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

/// Whether a request may come from somebody without a credential, whatever roles say. For all others it always may.
#[must_use]
pub fn may_be_anonymous(user: &User, request: &Request) -> bool {
    if user.name != ANONYMOUS {
        return true;
    }
    match request {
        Request::Path { path, .. } => {
            let is_below =
                |open: &&str| path.strip_prefix(*open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            VERSION.contains(&path.as_str()) || OPEN_PATHS.iter().any(is_below)
        }
        Request::Resource(_) => false,
    }
}
