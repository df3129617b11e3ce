//! New objects.

use serde_json::Value;

use super::answer::{Answer, Content};
use super::asked::Asked;
use super::{metadata, ownership, write};
use crate::admission;
use crate::encoding::{Wanted, decode_body};
use crate::patch::FieldSet;
use crate::request::WriteOptions;
use crate::resources::{Part, Resource};
use crate::server::{Others, Server};
use crate::status::ApiError;
use crate::store::{Expect, Stored, WriteError};

/// How many names are made until one is free.
const NAMES: usize = 8;

/// What is to be stored, new or in the place of what is there.
pub(super) struct Proposed {
    /// The object.
    pub object: Value,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
    /// Whether its managed fields are right already, as after an apply.
    pub tracked: bool,
}

pub(crate) async fn create(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = WriteOptions::parse(&asked.query, "CreateOptions")?;
    let wanted = Wanted::from(asked.resource);
    let decoded = decode_body(&wanted, asked.content_type.as_deref(), body, options.field_validation)?;
    if !metadata::text(&decoded.object, "resourceVersion").is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let proposed = Proposed { object: decoded.object, warnings: decoded.warnings, tracked: false };
    create_object(server, asked, &options, proposed).await
}

/// Creates an object; with another name if its name was made and is taken.
pub(super) async fn create_object(
    server: &Server,
    asked: &Asked,
    options: &WriteOptions,
    proposed: Proposed,
) -> Result<Answer, ApiError> {
    let Proposed { object: mut given, mut warnings, tracked } = proposed;
    metadata::match_path(&mut given, asked)?;
    admission::check_namespace_takes(server, asked.resource, &given)?;
    if asked.resource.stored_as == "pods" {
        admission::wait_for_default(&server.store, &given).await;
    }
    let mut attempt = 1;
    loop {
        let (object, generated, more) = made(server, asked, options, given.clone(), tracked)?;
        let name = metadata::text(&object, "name").to_owned();
        let stored = store(server, asked, &name, object, options.dry_run).await;
        match stored {
            Err(WriteError::Exists(_)) if generated && attempt < NAMES => attempt += 1,
            Err(WriteError::Exists(_)) if generated => return Err(no_name_is_free(asked.resource, &name)),
            Err(error) => return Err(write::refused(error, asked.resource, &name)),
            Ok(content) => {
                warnings.extend(more);
                return Ok(Answer { code: 201, content, warnings });
            }
        }
    }
}

/// The object as it would be stored, and whether its name was made.
fn made(
    server: &Server,
    asked: &Asked,
    options: &WriteOptions,
    mut object: Value,
    tracked: bool,
) -> Result<(Value, bool, Vec<String>), ApiError> {
    let resource = asked.resource;
    let generated = metadata::settle_new(&mut object, asked.now);
    if resource.subresource("status").is_some() && !resource.behaviour.keeps_status_of_new() {
        remove_field(&mut object, "status");
    }
    let is_pod = resource.stored_as == "pods" && !tracked;
    let given = is_pod.then(|| object.clone());
    admission::prepare_new(server, asked, &mut object)?;
    let prepared = is_pod.then(|| object.clone());
    if resource.behaviour.has_generation() {
        metadata::set(&mut object, "generation", 1);
    }
    let others = Others(&server.store);
    let admitted = resource.behaviour.create(&server.context(resource, &others, asked.now), object)?;
    admission::check_write(server, asked, Part::Main, Some(&admitted.object), None)?;
    let added = match (&given, &prepared) {
        (Some(given), Some(prepared)) => admission::added_to_new(asked, given, prepared, &admitted.object),
        _ => FieldSet::default(),
    };
    let object =
        if tracked { admitted.object } else { ownership::tracked_new(asked, options, admitted.object, &added) };
    Ok((object, generated, admitted.warnings))
}

async fn store(
    server: &Server,
    asked: &Asked,
    name: &str,
    object: Value,
    dry_run: bool,
) -> Result<Content, WriteError> {
    let key = asked.key_of(name);
    if !dry_run {
        let stored: Stored = write::put(server, asked.resource, key, Expect::Absent, object).await?;
        return Ok(Content::Object(stored.json.clone()));
    }
    match server.store.get(&key) {
        Some(there) => Err(WriteError::Exists(there)),
        None => Ok(Content::Object(serde_json::to_vec(&object).unwrap_or_default().into())),
    }
}

pub(super) fn remove_field(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

fn no_name_is_free(resource: &Resource, name: &str) -> ApiError {
    let message = format!(
        "{} {name:?} already exists, the server was not able to generate a unique name for the object",
        resource.plural
    );
    ApiError::new(409, "AlreadyExists", message).about(resource.group, resource.plural, name).retry_after(1)
}
