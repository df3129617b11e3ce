//! What Pods refer to: ConfigMaps, Secrets, volumes and claims, which the core knows.

use k8s_openapi::api::core::v1::{PersistentVolumeClaimStatus, PersistentVolumeStatus};
use reprise_core::admission::Fresh;
use reprise_core::field::Report;
use reprise_core::objects::{ApiObject, ObjectKind, admit_object};
use reprise_core::validation::{object_meta, objects};
use serde_json::Value;

use super::rules::{invalid, typed};
use super::{Admitted, Behaviour, Context, Part};
use crate::status::ApiError;

/// Objects of a kind that the core knows.
pub(super) struct ObjectsOfPods(pub ObjectKind);

impl ObjectsOfPods {
    fn read(&self, object: Value) -> Result<ApiObject, ApiError> {
        Ok(match self.0 {
            ObjectKind::ConfigMap => ApiObject::ConfigMap(typed(object)?),
            ObjectKind::Secret => ApiObject::Secret(typed(object)?),
            ObjectKind::PersistentVolume => ApiObject::PersistentVolume(typed(object)?),
            ObjectKind::PersistentVolumeClaim => ApiObject::PersistentVolumeClaim(typed(object)?),
        })
    }
}

impl Behaviour for ObjectsOfPods {
    fn create(&self, context: &Context<'_>, object: Value) -> Result<Admitted, ApiError> {
        let object = self.read(object)?;
        let (uid, created) = (object.metadata().uid.clone(), object.metadata().creation_timestamp.clone());
        let fresh = Fresh { uid: uid.unwrap_or_default(), suffix: String::new(), now: context.now };
        let mut object = admit_object(Ok(object), &fresh)?;
        object.metadata_mut().creation_timestamp = created;
        let pending = || Some("Pending".to_owned());
        match &mut object {
            ApiObject::PersistentVolume(volume) => {
                volume.status = Some(PersistentVolumeStatus { phase: pending(), ..PersistentVolumeStatus::default() });
            }
            ApiObject::PersistentVolumeClaim(claim) => {
                let status = PersistentVolumeClaimStatus { phase: pending(), ..PersistentVolumeClaimStatus::default() };
                claim.status = Some(status);
            }
            ApiObject::ConfigMap(_) | ApiObject::Secret(_) => {}
        }
        Ok(Admitted { object: written(&object)?, warnings: Vec::new() })
    }

    fn update(&self, context: &Context<'_>, new: Value, old: &Value, part: Part) -> Result<Admitted, ApiError> {
        if part != Part::Main {
            return Ok(Admitted { object: new, warnings: Vec::new() });
        }
        let (new, old) = (self.read(new)?, self.read(old.clone())?);
        let mut report = Report::default();
        object_meta::check_change(new.metadata(), old.metadata(), &mut report);
        let name = new.metadata().name.clone().unwrap_or_default();
        if !report.is_empty() {
            return Err(invalid(context, &name, report));
        }
        let object = complete(new, context)?;
        let errors = objects::validate_change(&object, &old);
        if !errors.is_empty() {
            return Err(reprise_core::admission::Rejection::invalid_object(self.0.name(), &name, errors).into());
        }
        Ok(Admitted { object: written(&object)?, warnings: Vec::new() })
    }

    fn returns_deleted(&self) -> bool {
        matches!(self.0, ObjectKind::PersistentVolume | ObjectKind::PersistentVolumeClaim)
    }
}

/// What was given again, checked and with its defaults; identity and status stay.
fn complete(given: ApiObject, context: &Context<'_>) -> Result<ApiObject, ApiError> {
    let (metadata, status) = (given.metadata().clone(), status_of(&given));
    let fresh = Fresh { uid: String::new(), suffix: String::new(), now: context.now };
    let mut object = admit_object(Ok(given), &fresh)?;
    *object.metadata_mut() = metadata;
    match (&mut object, status) {
        (ApiObject::PersistentVolume(volume), Status::Volume(status)) => volume.status = status,
        (ApiObject::PersistentVolumeClaim(claim), Status::Claim(status)) => claim.status = status,
        _ => {}
    }
    Ok(object)
}

enum Status {
    None,
    Volume(Option<PersistentVolumeStatus>),
    Claim(Option<PersistentVolumeClaimStatus>),
}

fn status_of(object: &ApiObject) -> Status {
    match object {
        ApiObject::PersistentVolume(volume) => Status::Volume(volume.status.clone()),
        ApiObject::PersistentVolumeClaim(claim) => Status::Claim(claim.status.clone()),
        ApiObject::ConfigMap(_) | ApiObject::Secret(_) => Status::None,
    }
}

fn written(object: &ApiObject) -> Result<Value, ApiError> {
    let written = match object {
        ApiObject::ConfigMap(object) => serde_json::to_value(object),
        ApiObject::Secret(object) => serde_json::to_value(object),
        ApiObject::PersistentVolume(object) => serde_json::to_value(object),
        ApiObject::PersistentVolumeClaim(object) => serde_json::to_value(object),
    };
    written.map_err(ApiError::internal)
}
