//! The one way in which objects that are there change: read, make the new one, check it, write it if nobody was faster.

use serde_json::Value;

use super::answer::{Answer, Content};
use super::asked::Asked;
use super::create::{Proposed, remove_field};
use super::{metadata, ownership, write};
use crate::admission;
use crate::patch::unless_unchanged;
use crate::request::WriteOptions;
use crate::resources::{Part, Resource};
use crate::server::{Others, Server};
use crate::status::ApiError;
use crate::store::{Expect, Stored, WriteError};

/// How often a change that names no version is made again because others were faster.
const ATTEMPTS: usize = 100;

/// Which part of an object a request writes.
pub(super) fn part_of(asked: &Asked) -> Part {
    match asked.part() {
        "status" => Part::Status,
        "ephemeralcontainers" => Part::EphemeralContainers,
        "binding" => Part::Binding,
        "finalize" => Part::Finalizers,
        _ => Part::Main,
    }
}

/// Makes a change. `propose` is given what is there, and may be asked again.
pub(super) async fn change(
    server: &Server,
    asked: &Asked,
    options: &WriteOptions,
    propose: &(dyn Fn(&Value) -> Result<Proposed, ApiError> + Sync),
) -> Result<Answer, ApiError> {
    let mut attempt = 1;
    loop {
        let stored = server.store.get(&asked.key()).ok_or_else(|| asked.not_found())?;
        let current: Value = serde_json::from_slice(&stored.json).map_err(ApiError::internal)?;
        let proposed = propose(&current)?;
        let conditional = is_conditional(&proposed.object, &current, stored.revision, asked)?;
        let (object, warnings) = made(server, asked, options, proposed, &current)?;
        let changed = Changed { stored: &stored, current: &current, object };
        match changed.write(server, asked, options.dry_run).await {
            Ok(content) => return Ok(Answer { code: 200, content, warnings }),
            Err(WriteError::Conflict(_) | WriteError::NotFound(_)) if !conditional && attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(write::refused(error, asked.resource, &asked.name)),
        }
    }
}

/// Whether the change names the version that it is about, which then must be the current one.
fn is_conditional(object: &Value, current: &Value, revision: u64, asked: &Asked) -> Result<bool, ApiError> {
    let resource = asked.resource;
    let (uid, version) = (metadata::text(object, "uid"), metadata::text(object, "resourceVersion"));
    let current_uid = metadata::text(current, "uid");
    if !uid.is_empty() && uid != current_uid {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {current_uid}");
        return Err(ApiError::conflict(resource.group, resource.plural, &asked.name, &why));
    }
    if version.is_empty() || version == "0" {
        return Ok(false);
    }
    if version.parse() != Ok(revision) {
        return Err(ApiError::modified(resource.group, resource.plural, &asked.name));
    }
    Ok(true)
}

/// The object as it would be stored.
fn made(
    server: &Server,
    asked: &Asked,
    options: &WriteOptions,
    proposed: Proposed,
    current: &Value,
) -> Result<(Value, Vec<String>), ApiError> {
    let Proposed { mut object, mut warnings, tracked } = proposed;
    let (resource, part) = (asked.resource, part_of(asked));
    metadata::keep_settled(&mut object, current);
    let object = only_part(object, current, resource, part);
    let others = Others(&server.store);
    let context = server.context(resource, &others, asked.now);
    let admitted = resource.behaviour.update(&context, object, current, part)?;
    warnings.extend(admitted.warnings);
    let mut object = admitted.object;
    if resource.behaviour.has_generation() && part != Part::Binding && differs(&object, current) {
        let generation = metadata::number(current, "generation").unwrap_or(0) + 1;
        metadata::set(&mut object, "generation", generation);
    }
    admission::check_write(server, asked, part, Some(&object), Some(current))?;
    object = if tracked {
        // What was applied may have become the same again when it was read.
        unless_unchanged(current, object)
    } else {
        ownership::tracked(asked, options, current, object)
    };
    Ok((object, warnings))
}

/// The part that is written from the new object, all else from the old one.
fn only_part(mut object: Value, old: &Value, resource: &Resource, part: Part) -> Value {
    match part {
        Part::Main if resource.subresource("status").is_some() => with(object, old, &["status"]),
        // Whoever binds has changed nothing else.
        Part::Main | Part::Binding => object,
        Part::Status => all_but(object, old, &["metadata", "status"]),
        Part::EphemeralContainers => with_in_spec(old.clone(), &mut object, "ephemeralContainers"),
        Part::Finalizers => with_in_spec(old.clone(), &mut object, "finalizers"),
    }
}

/// The object with these fields of another one.
fn with(mut object: Value, other: &Value, fields: &[&str]) -> Value {
    for field in fields {
        match other.get(field) {
            Some(value) => object[field] = value.clone(),
            None => remove_field(&mut object, field),
        }
    }
    object
}

/// The object with all fields but these of another one, most of which are the same.
fn all_but(mut object: Value, other: &Value, fields: &[&str]) -> Value {
    let Some(others) = other.as_object() else { return object };
    if let Some(object) = object.as_object_mut() {
        object.retain(|name, _| fields.contains(&name.as_str()) || others.contains_key(name));
        for (name, value) in others.iter().filter(|(name, _)| !fields.contains(&name.as_str())) {
            if object.get(name) != Some(value) {
                object.insert(name.clone(), value.clone());
            }
        }
    }
    object
}

/// The same for the metadata, and one field of the spec.
fn with_in_spec(object: Value, other: &mut Value, field: &str) -> Value {
    let mut object = with(object, other, &["metadata"]);
    match other.pointer_mut(&format!("/spec/{field}")) {
        Some(value) => object["spec"][field] = value.take(),
        None => {
            if let Some(spec) = object.get_mut("spec") {
                remove_field(spec, field);
            }
        }
    }
    object
}

/// Whether anything but metadata and status does.
fn differs(new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else { return false };
    let counts = |name: &str| !matches!(name, "metadata" | "status");
    let all = new.keys().chain(old.keys()).filter(|name| counts(name));
    all.into_iter().any(|name| new.get(name) != old.get(name))
}

/// A change that was checked.
struct Changed<'a> {
    stored: &'a Stored,
    current: &'a Value,
    object: Value,
}

impl Changed<'_> {
    async fn write(self, server: &Server, asked: &Asked, dry_run: bool) -> Result<Content, WriteError> {
        let Self { stored, current, object } = self;
        if object == *current {
            return Ok(Content::Object(stored.json.clone()));
        }
        if dry_run {
            return Ok(Content::Object(serde_json::to_vec(&object).unwrap_or_default().into()));
        }
        let goes = metadata::is_deleting(&object)
            && metadata::number(&object, "deletionGracePeriodSeconds").unwrap_or(0) == 0
            && !asked.resource.behaviour.is_held(&object);
        if goes {
            // What held it has let it go.
            let gone = write::remove(server, asked.key(), stored.revision).await?;
            let mut last = object;
            metadata::set(&mut last, "resourceVersion", gone.revision.to_string());
            return Ok(Content::Object(serde_json::to_vec(&last).unwrap_or_default().into()));
        }
        let expect = Expect::Revision(stored.revision);
        let stored = write::put(server, asked.resource, asked.key(), expect, object).await?;
        Ok(Content::Object(stored.json.clone()))
    }
}
