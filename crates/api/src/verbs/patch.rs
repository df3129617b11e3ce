//! Patch: an object changed in part, in one of four ways.

use serde_json::Value;

use super::answer::Answer;
use super::asked::Asked;
use super::change::change;
use super::create::{Proposed, create_object};
use super::{metadata, ownership};
use crate::encoding::{Wanted, decode_applied, decode_patched, read_patch};
use crate::patch::{PatchType, apply_json_patch, apply_merge_patch, apply_strategic, go_text, server_side_apply};
use crate::request::{FieldValidation, WriteOptions};
use crate::server::Server;
use crate::status::ApiError;

/// How often an apply is tried again because the object came or went meanwhile.
const ATTEMPTS: usize = 10;

pub(crate) async fn patch(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "PatchOptions")?;
    match PatchType::of(asked.content_type.as_deref(), asked.resource.has_strategic_patch())? {
        PatchType::Apply => apply(server, asked, &options, body).await,
        kind => merge(server, asked, &options, kind, body).await,
    }
}

async fn merge(
    server: &Server,
    asked: &Asked,
    options: &WriteOptions,
    kind: PatchType,
    body: &[u8],
) -> Result<Answer, ApiError> {
    if options.force.is_some() {
        return Err(refused("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"));
    }
    let (patch, found) = read_patch(body)?;
    let wanted = Wanted::from(asked.resource);
    let propose = |current: &Value| {
        let patched = match kind {
            PatchType::Json => apply_json_patch(current, &patch)?,
            PatchType::Strategic => apply_strategic(ownership::shape(asked), current, &patch)?,
            PatchType::Merge | PatchType::Apply => apply_merge_patch(current, &patch)?,
        };
        let version = metadata::text(&patched, "resourceVersion").to_owned();
        let made = if kind == PatchType::Strategic { None } else { Some(&patched) };
        let shown = || made.map_or_else(|| go_text(&patch), Value::to_string);
        let validation = options.field_validation;
        let decoded = decode_patched(&wanted, Some(current), &patched, &shown, found.clone(), validation)?;
        let mut object = decoded.object;
        metadata::match_path(&mut object, asked)?;
        keep_unconditional(&mut object, current, &version);
        Ok(Proposed { object, warnings: decoded.warnings, tracked: false })
    };
    change(server, asked, options, &propose).await
}

/// A patch that says nothing of the version is about whatever version there is.
fn keep_unconditional(object: &mut Value, current: &Value, version: &str) {
    if version == metadata::text(current, "resourceVersion") {
        metadata::unset(object, "resourceVersion");
    }
}

async fn apply(server: &Server, asked: &Asked, options: &WriteOptions, body: &[u8]) -> Result<Answer, ApiError> {
    if options.field_manager.is_empty() {
        return Err(refused("fieldManager", "FieldValueRequired", "Required value: is required for apply patch"));
    }
    let wanted = Wanted::from(asked.resource);
    let decoded = decode_applied(&wanted, body, options.field_validation)?;
    let mut applied = decoded.object;
    let conditional = !metadata::text(&applied, "resourceVersion").is_empty();
    metadata::match_path(&mut applied, asked)?;
    let mut attempt = 1;
    loop {
        let merged = |live: Option<&Value>| {
            let (shape, owner) = (ownership::shape(asked), ownership::owner(asked, &options.field_manager));
            let object = server_side_apply(shape, live, &applied, &owner, options.force == Some(true))?;
            let shown = String::new;
            let decoded_again = decode_patched(&wanted, live, &object, &shown, Vec::new(), FieldValidation::Ignore)?;
            let mut object = decoded_again.object;
            if !conditional {
                metadata::unset(&mut object, "resourceVersion");
            }
            Ok(Proposed { object, warnings: decoded.warnings.clone(), tracked: true })
        };
        let exists = server.store.get(&asked.key()).is_some();
        let answer = if exists {
            change(server, asked, options, &|live| merged(Some(live))).await
        } else if asked.part().is_empty() {
            // Whoever makes an object by applying it must be allowed to create one.
            server.security.authorize(&asked.user, &asked.in_words("create"))?;
            create_object(server, asked, options, merged(None)?).await
        } else {
            Err(asked.not_found())
        };
        match answer {
            // It came or went after it was looked for.
            Err(error) if attempt < ATTEMPTS && error.code() == if exists { 404 } else { 409 } => attempt += 1,
            answer => return answer,
        }
    }
}

fn refused(field: &str, reason: &str, why: &str) -> ApiError {
    let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {field}: {why}");
    ApiError::new(422, "Invalid", message).about("meta.k8s.io", "PatchOptions", "").because(reason, why, field)
}
