//! The end of objects: with grace where the kind knows one, held by finalizers, else at once.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{Answer, Content};
use super::asked::Asked;
use super::{metadata, propagation, write};
use crate::admission;
use crate::encoding::{Wanted, decode_body};
use crate::request::{DeleteOptions, FieldValidation, Preconditions};
use crate::resources::{Deletion, Part, Resource};
use crate::server::Server;
use crate::status::ApiError;
use crate::store::{Expect, Stored, WriteError};

/// How often a deletion is tried again because others were faster.
const ATTEMPTS: usize = 100;

/// What came of a deletion.
pub(super) enum Deleted {
    /// The object is gone. This was it.
    Gone(Value),
    /// It goes later.
    Later(Value),
}

pub(crate) async fn delete(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = options(asked, body)?;
    let deleted = delete_object(server, asked, &options).await?;
    let content = match deleted {
        Deleted::Gone(object) if !asked.resource.behaviour.returns_deleted() => {
            Content::Document(success(asked.resource, &object))
        }
        Deleted::Gone(object) | Deleted::Later(object) => {
            Content::Object(serde_json::to_vec(&object).map_err(ApiError::internal)?.into())
        }
    };
    Ok(Answer::new(200, content))
}

/// The options, in the body or the query.
pub(super) fn options(asked: &Asked, body: &[u8]) -> Result<DeleteOptions, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return DeleteOptions::parse(&asked.query, Value::Null);
    }
    let wanted = Wanted::delete_options();
    let decoded = decode_body(&wanted, asked.content_type.as_deref(), body, FieldValidation::Ignore)?;
    let mut object = decoded.object;
    // What says nothing but what it is leaves all to the query.
    if let Some(fields) = object.as_object_mut()
        && fields.keys().all(|name| matches!(name.as_str(), "apiVersion" | "kind"))
    {
        fields.clear();
    }
    DeleteOptions::parse(&asked.query, object)
}

/// Deletes an object, or begins to.
pub(super) async fn delete_object(
    server: &Server,
    asked: &Asked,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let mut attempt = 1;
    loop {
        let stored = server.store.get(&asked.key()).ok_or_else(|| asked.not_found())?;
        let current: Value = serde_json::from_slice(&stored.json).map_err(ApiError::internal)?;
        check(&options.preconditions, &current, &stored, asked)?;
        admission::check_write(server, asked, Part::Main, None, Some(&current))?;
        let step = step(&current, asked, options)?;
        match carry_out(server, asked, &stored, current, step, options.dry_run).await {
            Ok(deleted) => return Ok(deleted),
            Err(WriteError::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(write::refused(error, asked.resource, &asked.name)),
        }
    }
}

fn check(wanted: &Preconditions, current: &Value, stored: &Stored, asked: &Asked) -> Result<(), ApiError> {
    let conflict =
        |why: String| Err(ApiError::conflict(asked.resource.group, asked.resource.plural, &asked.name, &why));
    let uid = metadata::text(current, "uid");
    if let Some(wanted) = wanted.uid.as_deref().filter(|wanted| *wanted != uid) {
        return conflict(format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}"));
    }
    let version = stored.revision.to_string();
    if let Some(wanted) = wanted.resource_version.as_deref().filter(|wanted| *wanted != version) {
        return conflict(format!(
            "Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {version}"
        ));
    }
    Ok(())
}

/// What a deletion does now.
enum Step {
    /// Nothing: it is on its way already.
    Nothing,
    /// The object goes. Who asked sees it so.
    Remove(Value),
    /// The object says that it is going.
    Mark(Value),
}

fn step(current: &Value, asked: &Asked, options: &DeleteOptions) -> Result<Step, ApiError> {
    let behaviour = asked.resource.behaviour;
    let mut object = current.clone();
    let finalizers = propagation::finalizers(current, options.propagation);
    if finalizers.is_empty() {
        metadata::unset(&mut object, "finalizers");
    } else {
        metadata::set(&mut object, "finalizers", finalizers);
    }
    let has_grace = metadata::number(current, "deletionGracePeriodSeconds");
    let grace = match behaviour.deletion(current, options.grace)? {
        Deletion::Graceful(_) if metadata::is_deleting(current) => match (has_grace, options.grace) {
            (Some(has), Some(wanted)) if wanted < has => {
                shorten(&mut object, has, wanted);
                wanted
            }
            // The end that is set stands; what finalizers say now still counts.
            (Some(has), _) if has > 0 => {
                return Ok(if object == *current { Step::Nothing } else { Step::Mark(object) });
            }
            _ => 0,
        },
        Deletion::Graceful(seconds) => seconds,
        Deletion::Now => 0,
    };
    mark(&mut object, asked.now, grace);
    behaviour.deletion_begins(&mut object);
    if grace == 0 && !behaviour.is_held(&object) {
        return Ok(Step::Remove(object));
    }
    Ok(if object == *current { Step::Nothing } else { Step::Mark(object) })
}

/// The end comes earlier.
fn shorten(object: &mut Value, has: i64, wanted: i64) {
    let at: Option<Timestamp> = metadata::text(object, "deletionTimestamp").parse().ok();
    let earlier = at.and_then(|at| at.checked_sub(SignedDuration::from_secs(has - wanted)).ok());
    if let Some(earlier) = earlier {
        metadata::set(object, "deletionTimestamp", metadata::time(earlier));
    }
    metadata::set(object, "deletionGracePeriodSeconds", wanted);
}

fn mark(object: &mut Value, now: Timestamp, grace: i64) {
    if !metadata::is_deleting(object) {
        let at = now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now);
        metadata::set(object, "deletionTimestamp", metadata::time(at));
        if let Some(generation) = metadata::number(object, "generation") {
            metadata::set(object, "generation", generation + 1);
        }
    }
    metadata::set(object, "deletionGracePeriodSeconds", grace);
}

async fn carry_out(
    server: &Server,
    asked: &Asked,
    stored: &Stored,
    current: Value,
    step: Step,
    dry_run: bool,
) -> Result<Deleted, WriteError> {
    match step {
        Step::Nothing => Ok(Deleted::Later(current)),
        Step::Remove(object) if dry_run => Ok(Deleted::Gone(object)),
        Step::Mark(object) if dry_run => Ok(Deleted::Later(object)),
        Step::Remove(mut object) => {
            let gone = write::remove(server, asked.key(), stored.revision).await?;
            metadata::set(&mut object, "resourceVersion", gone.revision.to_string());
            Ok(Deleted::Gone(object))
        }
        Step::Mark(mut object) => {
            let expect = Expect::Revision(stored.revision);
            let stored = write::put(server, asked.resource, asked.key(), expect, object.clone()).await?;
            metadata::set(&mut object, "resourceVersion", stored.revision.to_string());
            Ok(Deleted::Later(object))
        }
    }
}

/// What is answered for an object that is gone.
fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({
        "name": metadata::text(object, "name"),
        "kind": resource.plural,
        "uid": metadata::text(object, "uid"),
    });
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
