//! Update: an object in the place of the one that is there.

use super::answer::Answer;
use super::asked::Asked;
use super::change::change;
use super::create::Proposed;
use super::metadata;
use crate::encoding::{Wanted, decode_body};
use crate::request::WriteOptions;
use crate::server::Server;
use crate::status::ApiError;

pub(crate) async fn replace(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "UpdateOptions")?;
    let wanted = Wanted::from(asked.resource);
    let decoded = decode_body(&wanted, asked.content_type.as_deref(), body, options.field_validation)?;
    let mut object = decoded.object;
    metadata::match_path(&mut object, asked)?;
    if metadata::text(&object, "resourceVersion").is_empty() && !asked.resource.behaviour.takes_unconditional_updates()
    {
        return Err(version_missing(asked));
    }
    let propose = |_: &serde_json::Value| {
        Ok(Proposed { object: object.clone(), warnings: decoded.warnings.clone(), tracked: false })
    };
    change(server, asked, &options, &propose).await
}

fn version_missing(asked: &Asked) -> ApiError {
    let (group, kind, name) = (asked.resource.group, asked.resource.kind, &asked.name);
    let field = "metadata.resourceVersion";
    let why = "Invalid value: \"\": must be specified for an update";
    let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    let message = format!("{qualified} {name:?} is invalid: {field}: {why}");
    ApiError::new(422, "Invalid", message).about(group, kind, name).because("FieldValueInvalid", why, field)
}
