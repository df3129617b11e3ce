//! `namespaces/finalize`: whoever has emptied a namespace takes its name from `spec.finalizers`.

use serde_json::Value;

use super::super::answer::Answer;
use super::super::asked::Asked;
use super::super::change::change;
use super::super::create::Proposed;
use super::super::metadata;
use crate::encoding::{Wanted, decode_body};
use crate::request::WriteOptions;
use crate::server::Server;
use crate::status::ApiError;

pub(super) async fn finalize(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "UpdateOptions")?;
    let wanted = Wanted::from(asked.resource);
    let decoded = decode_body(&wanted, asked.content_type.as_deref(), body, options.field_validation)?;
    let mut object = decoded.object;
    metadata::match_path(&mut object, asked)?;
    let propose = |_: &Value| Ok(Proposed { object: object.clone(), warnings: Vec::new(), tracked: false });
    change(server, asked, &options, &propose).await
}
