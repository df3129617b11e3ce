//! The annotation of kubectl's client-side apply, as long as objects still have it.

use serde_json::Value;

use super::super::fields::FieldSet;
use super::super::shape::Shape;
use super::compare::compare;
use super::owned::fields_of;

/// The annotation with what was applied last.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What all annotations of an object may have together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The fields that client-side apply set last and that still have those values: kubectl owns these, whatever
/// `managedFields` say.
pub(super) fn fields_applied_before(shape: &'static Shape, live: &Value) -> Option<FieldSet> {
    let text = live["metadata"]["annotations"][ANNOTATION].as_str().filter(|text| !text.is_empty())?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last["apiVersion"] != live["apiVersion"] {
        return None;
    }
    let comparison = compare(shape, &last, live).ok()?;
    let differing = comparison.changed().union(&comparison.removed);
    fields_of(shape, &last).ok().map(|set| set.difference(&differing))
}

/// Brings the annotation up to date, where there is one.
pub(super) fn renew(object: &mut Value, applied: &Value) {
    let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) else { return };
    if !annotations.contains_key(ANNOTATION) {
        return;
    }
    let mut bare = applied.clone();
    if let Some(of_applied) = bare.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        of_applied.remove(ANNOTATION);
    }
    let mut text = bare.to_string();
    text.push('\n');
    if text.len() > MAX_ANNOTATIONS {
        text.clear();
    }
    annotations.insert(ANNOTATION.to_owned(), text.into());
}
