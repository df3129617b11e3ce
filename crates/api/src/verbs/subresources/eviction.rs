//! `pods/eviction`: a Pod is asked to leave. There are no disruption budgets here that could say no.

use k8s_openapi::api::policy::v1::Eviction;
use reprise_core::unset::text;
use serde_json::Value;

use super::super::answer::Answer;
use super::super::asked::Asked;
use super::super::delete::delete_object;
use super::created;
use crate::encoding::{Wanted, decode_body};
use crate::request::{DeleteOptions, FieldValidation, Query, WriteOptions};
use crate::server::Server;
use crate::status::ApiError;

const EVICTION: Wanted = Wanted::of::<Eviction>("policy", "v1", "Eviction");

pub(super) async fn evict(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "CreateOptions")?;
    let decoded = decode_body(&EVICTION, asked.content_type.as_deref(), body, FieldValidation::Ignore)?;
    let eviction: Eviction = serde_json::from_value(decoded.object).map_err(ApiError::internal)?;
    let name = text(&eviction.metadata.name);
    if !name.is_empty() && name != asked.name {
        return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
    }
    let wanted = eviction.delete_options.map_or(Ok(Value::Null), serde_json::to_value).map_err(ApiError::internal)?;
    let mut wanted = DeleteOptions::parse(&Query::default(), wanted)?;
    wanted.dry_run |= options.dry_run;
    delete_object(server, asked, &wanted).await?;
    Ok(created(Vec::new()))
}
