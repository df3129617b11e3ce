//! `serviceaccounts/token`: a token for an account.

use k8s_openapi::api::authentication::v1::TokenRequest;

use super::super::answer::{Answer, Content};
use super::super::asked::Asked;
use crate::admission;
use crate::encoding::{Wanted, decode_body};
use crate::request::WriteOptions;
use crate::resources::Part;
use crate::server::Server;
use crate::status::ApiError;

const TOKEN_REQUEST: Wanted = Wanted::of::<TokenRequest>("authentication.k8s.io", "v1", "TokenRequest");

pub(super) fn request(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "CreateOptions")?;
    let decoded = decode_body(&TOKEN_REQUEST, asked.content_type.as_deref(), body, options.field_validation)?;
    admission::check_write(server, asked, Part::Main, Some(&decoded.object), None)?;
    let answer = server.security.tokens.request(&asked.namespace, &asked.name, &decoded.object)?;
    let content = Content::Object(serde_json::to_vec(&answer).map_err(ApiError::internal)?.into());
    Ok(Answer { code: 201, content, warnings: decoded.warnings })
}
