//! The way of such an object in: defaults, what a change may not touch, and validation with the API server's words.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::ApiObject;
use crate::admission::{Fresh, Rejection};
use crate::field::FieldError;
use crate::manifest::DecodeError;
use crate::unset::text;
use crate::validation::objects;

/// Lets a new object in.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit_object(decoded: Result<ApiObject, DecodeError>, fresh: &Fresh) -> Result<ApiObject, Rejection> {
    let mut object = decoded.map_err(|error| Rejection::bad_request(&error))?;
    settle_metadata(&mut object, fresh);
    set_defaults(&mut object);
    let errors = objects::validate(&object);
    allowed(object, errors)
}

/// Lets an object that was let in take the place of `old`, whose identity and binding it gets.
///
/// # Errors
/// The code and `Status` that the API server answers with, if it changes what may not change.
pub fn replace_object(mut object: ApiObject, old: &ApiObject) -> Result<ApiObject, Rejection> {
    let metadata = object.metadata_mut();
    metadata.uid.clone_from(&old.metadata().uid);
    metadata.creation_timestamp.clone_from(&old.metadata().creation_timestamp);
    keep_binding(&mut object, old);
    let errors = objects::validate_change(&object, old);
    allowed(object, errors)
}

fn allowed(object: ApiObject, errors: Vec<FieldError>) -> Result<ApiObject, Rejection> {
    if errors.is_empty() {
        return Ok(object);
    }
    Err(Rejection::invalid_object(object.kind().name(), text(&object.metadata().name), errors))
}

fn settle_metadata(object: &mut ApiObject, fresh: &Fresh) {
    let namespaced = object.kind().is_namespaced();
    let metadata = object.metadata_mut();
    if namespaced {
        metadata.namespace.get_or_insert_with(|| "default".to_owned());
    }
    if text(&metadata.name).is_empty() && !text(&metadata.generate_name).is_empty() {
        metadata.name = Some(format!("{}{}", text(&metadata.generate_name), fresh.suffix));
    }
    metadata.uid = Some(fresh.uid.clone());
    metadata.creation_timestamp = Some(Time(fresh.now));
    metadata.resource_version = None;
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
}

fn set_defaults(object: &mut ApiObject) {
    match object {
        ApiObject::ConfigMap(_) => {}
        ApiObject::Secret(secret) => settle_secret(secret),
        ApiObject::PersistentVolume(volume) => settle_volume(volume),
        ApiObject::PersistentVolumeClaim(claim) => settle_claim(claim),
    }
}

/// `stringData` is a way to write `data`, and wins over it.
fn settle_secret(secret: &mut Secret) {
    for (key, value) in secret.string_data.take().into_iter().flatten() {
        secret.data.get_or_insert_default().insert(key, k8s_openapi::ByteString(value.into_bytes()));
    }
    if text(&secret.type_).is_empty() {
        secret.type_ = Some("Opaque".to_owned());
    }
}

fn settle_volume(volume: &mut PersistentVolume) {
    volume.status = None;
    let spec = volume.spec.get_or_insert_default();
    spec.persistent_volume_reclaim_policy.get_or_insert_with(|| "Retain".to_owned());
    spec.volume_mode.get_or_insert_with(|| "Filesystem".to_owned());
    if let Some(host_path) = &mut spec.host_path {
        host_path.type_.get_or_insert_default();
    }
}

fn settle_claim(claim: &mut PersistentVolumeClaim) {
    claim.status = None;
    claim.spec.get_or_insert_default().volume_mode.get_or_insert_with(|| "Filesystem".to_owned());
}

/// A manifest that is given again does not say what was bound to what meanwhile.
fn keep_binding(object: &mut ApiObject, old: &ApiObject) {
    match (object, old) {
        (ApiObject::PersistentVolume(new), ApiObject::PersistentVolume(old)) => {
            let reference = old.spec.as_ref().and_then(|spec| spec.claim_ref.clone());
            if let Some(reference) = reference.filter(|reference| reference.uid.is_some()) {
                new.spec.get_or_insert_default().claim_ref = Some(reference);
                new.status.clone_from(&old.status);
            }
        }
        (ApiObject::PersistentVolumeClaim(new), ApiObject::PersistentVolumeClaim(old)) => {
            let spec = new.spec.get_or_insert_default();
            if text(&spec.volume_name).is_empty() {
                spec.volume_name = old.spec.as_ref().and_then(|spec| spec.volume_name.clone());
            }
            new.status.clone_from(&old.status);
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
