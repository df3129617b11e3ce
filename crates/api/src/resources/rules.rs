//! Behaviours of kinds with a type: what is the same for all of them is here, what a kind adds is its [`Rules`].

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reprise_core::admission::Rejection;
use reprise_core::field::Report;
use reprise_core::unset::text;
use reprise_core::validation::object_meta::{self, NameForm};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Admitted, Behaviour, Context, Deletion, Part};
use crate::status::ApiError;

/// What a kind decides, on its own type.
pub(super) trait Rules: Send + Sync {
    /// The type.
    type Object: Metadata<Ty = ObjectMeta> + DeserializeOwned + Serialize;

    /// What names look like.
    const NAMES: NameForm = NameForm::Subdomain;
    /// Whether `metadata.generation` counts changes.
    const GENERATION: bool = false;
    /// Whether a new object may come with a status.
    const NEW_STATUS: bool = false;
    /// Whether an update may leave out which version it is about.
    const UNCONDITIONAL: bool = true;
    /// Whether the answer to a deletion is the object that is gone.
    const RETURNS_DELETED: bool = false;

    /// What a new object says of itself.
    fn prepare(&self, context: &Context<'_>, object: &mut Self::Object) {
        let _: (&Context<'_>, &mut Self::Object) = (context, object);
    }

    /// What an object means where it says nothing.
    fn set_defaults(&self, object: &mut Self::Object) {
        let _: &mut Self::Object = object;
    }

    /// Checks an object with its defaults.
    fn check(&self, context: &Context<'_>, object: &Self::Object, report: &mut Report) {
        let _: (&Context<'_>, &Self::Object, &mut Report) = (context, object, report);
    }

    /// Checks what may not change.
    fn check_change(&self, new: &Self::Object, old: &Self::Object, report: &mut Report) {
        let _: (&Self::Object, &Self::Object, &mut Report) = (new, old, report);
    }

    /// What is said of an object that passed the checks.
    fn warnings(&self, object: &Self::Object) -> Vec<String> {
        let _: &Self::Object = object;
        Vec::new()
    }

    /// What an object says of itself once it is to be deleted.
    fn deletion_begins(&self, object: &mut Value) {
        let _: &mut Value = object;
    }

    /// Whether something beside finalizers keeps an object that is to be deleted.
    fn is_held(&self, object: &Value) -> bool {
        let _: &Value = object;
        false
    }
}

/// The behaviour that follows from rules.
pub(super) struct Checked<R>(pub R);

impl<R: Rules> Behaviour for Checked<R> {
    fn create(&self, context: &Context<'_>, object: Value) -> Result<Admitted, ApiError> {
        let mut object: R::Object = typed(object)?;
        self.0.prepare(context, &mut object);
        self.0.set_defaults(&mut object);
        let mut report = Report::default();
        object_meta::check(object.metadata(), context.resource.namespaced, R::NAMES, &mut report);
        self.0.check(context, &object, &mut report);
        let warnings = self.0.warnings(&object);
        Ok(Admitted { warnings, ..admitted(context, &object, report)? })
    }

    fn update(&self, context: &Context<'_>, new: Value, old: &Value, part: Part) -> Result<Admitted, ApiError> {
        let mut object: R::Object = typed(new)?;
        let old: R::Object = typed(old.clone())?;
        self.0.set_defaults(&mut object);
        let mut report = Report::default();
        object_meta::check_change(object.metadata(), old.metadata(), &mut report);
        if part == Part::Main {
            self.0.check(context, &object, &mut report);
            self.0.check_change(&object, &old, &mut report);
        }
        admitted(context, &object, report)
    }

    fn deletion(&self, _object: &Value, _grace: Option<i64>) -> Result<Deletion, ApiError> {
        Ok(Deletion::Now)
    }

    fn deletion_begins(&self, object: &mut Value) {
        self.0.deletion_begins(object);
    }

    fn is_held(&self, object: &Value) -> bool {
        has_finalizers(object) || self.0.is_held(object)
    }

    fn has_generation(&self) -> bool {
        R::GENERATION
    }

    fn keeps_status_of_new(&self) -> bool {
        R::NEW_STATUS
    }

    fn takes_unconditional_updates(&self) -> bool {
        R::UNCONDITIONAL
    }

    fn returns_deleted(&self) -> bool {
        R::RETURNS_DELETED
    }
}

/// Whether `metadata.finalizers` has any.
pub(super) fn has_finalizers(object: &Value) -> bool {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.is_some_and(|finalizers| !finalizers.is_empty())
}

/// An object as its type. What is decoded and stored always is one.
pub(super) fn typed<T: DeserializeOwned>(object: Value) -> Result<T, ApiError> {
    serde_json::from_value(object).map_err(ApiError::internal)
}

/// The object for good, or all that is wrong with it.
pub(super) fn admitted<T: Metadata<Ty = ObjectMeta> + Serialize>(
    context: &Context<'_>,
    object: &T,
    report: Report,
) -> Result<Admitted, ApiError> {
    if !report.is_empty() {
        return Err(invalid(context, text(&object.metadata().name), report));
    }
    let object = serde_json::to_value(object).map_err(ApiError::internal)?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// 422 with the kind as messages have it: with its group.
pub(super) fn invalid(context: &Context<'_>, name: &str, report: Report) -> ApiError {
    let (group, kind) = (context.resource.group, context.resource.kind);
    let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    let rejection = Rejection::invalid_object(&qualified, name, report.into_errors());
    ApiError::from(rejection).with_kind(group, kind)
}
