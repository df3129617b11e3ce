//! Patch: an object changed in part.

use serde_json::Value;

use super::answer::Answer;
use super::asked::Asked;
use super::change::change;
use super::create::Proposed;
use super::metadata;
use crate::encoding::{Wanted, decode_patched};
use crate::patch::{PatchType, apply_json_patch, apply_merge_patch};
use crate::request::WriteOptions;
use crate::server::Server;
use crate::status::ApiError;

pub(crate) async fn patch(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "PatchOptions")?;
    let kind = PatchType::of(asked.content_type.as_deref(), true)?;
    if options.force.is_some() {
        return Err(refused("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"));
    }
    let patch: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let shown = String::from_utf8_lossy(body);
    let wanted = Wanted::from(asked.resource);
    let propose = |current: &Value| {
        let patched = match kind {
            PatchType::Json => apply_json_patch(current, &patch)?,
            _ => apply_merge_patch(current, &patch)?,
        };
        let decoded = decode_patched(&wanted, &patched, &shown, Vec::new(), options.field_validation)?;
        let mut object = decoded.object;
        metadata::match_path(&mut object, asked)?;
        keep_unconditional(&mut object, current, &patched);
        Ok(Proposed { object, warnings: decoded.warnings, tracked: false })
    };
    change(server, asked, &options, &propose).await
}

/// A patch that says nothing of the version is about whatever version there is.
fn keep_unconditional(object: &mut Value, current: &Value, patched: &Value) {
    let version = metadata::text(patched, "resourceVersion");
    if version == metadata::text(current, "resourceVersion") {
        metadata::unset(object, "resourceVersion");
    }
}

fn refused(field: &str, reason: &str, why: &str) -> ApiError {
    let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {field}: {why}");
    ApiError::new(422, "Invalid", message).about("meta.k8s.io", "PatchOptions", "").because(reason, why, field)
}
