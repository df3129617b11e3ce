//! Which kind of patch a `Content-Type` says.

use crate::encoding::media_type::{essence, unsupported};
use crate::status::ApiError;

/// A kind of patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// A list of operations (RFC 6902).
    Json,
    /// Values laid over the object, null for what goes (RFC 7386).
    Merge,
    /// The same, with lists merged as the kind says.
    Strategic,
    /// What the client wants to own (server-side apply).
    Apply,
}

const WITH_STRATEGIC: &str = "application/json-patch+json, application/merge-patch+json, \
                              application/strategic-merge-patch+json, application/apply-patch+yaml";
const WITHOUT_STRATEGIC: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

impl PatchType {
    /// What a patch with this `Content-Type` is. `strategic` tells whether the kind has strategic merge patches: those of
    /// custom resources have none.
    ///
    /// # Errors
    /// 415 for everything else.
    pub fn of(content_type: Option<&str>, strategic: bool) -> Result<Self, ApiError> {
        match essence(content_type.unwrap_or_default()).as_str() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if strategic => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(unsupported(if strategic { WITH_STRATEGIC } else { WITHOUT_STRATEGIC })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_is_no_patch_and_custom_resources_have_no_strategic_ones() {
        assert_eq!(PatchType::of(Some("application/apply-patch+yaml"), false), Ok(PatchType::Apply));
        let strategic = Some("application/strategic-merge-patch+json; charset=utf-8");
        assert_eq!(PatchType::of(strategic, true), Ok(PatchType::Strategic));
        assert_eq!(PatchType::of(strategic, false).unwrap_err().code(), 415);
        assert_eq!(PatchType::of(Some("application/json"), true).unwrap_err().code(), 415);
    }
}
