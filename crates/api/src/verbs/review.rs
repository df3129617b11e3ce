//! Reviews: questions that are answered and not stored.

use super::answer::{Answer, Content};
use super::asked::Asked;
use super::metadata;
use crate::encoding::{Wanted, decode_body};
use crate::request::WriteOptions;
use crate::server::Server;
use crate::status::ApiError;

pub(crate) fn review(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "CreateOptions")?;
    let wanted = Wanted::from(asked.resource);
    let decoded = decode_body(&wanted, asked.content_type.as_deref(), body, options.field_validation)?;
    let mut object = decoded.object;
    metadata::match_path(&mut object, asked)?;
    let answer = server.security.review(asked.resource.plural, &asked.user, &asked.namespace, &object)?;
    let content = Content::Object(serde_json::to_vec(&answer).map_err(ApiError::internal)?.into());
    Ok(Answer { code: 201, content, warnings: decoded.warnings })
}
