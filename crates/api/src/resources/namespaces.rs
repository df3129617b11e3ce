//! Namespaces: active until they are deleted, then going until whoever empties them lets them go.

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};
use reprise_core::unset::text;
use reprise_core::validation::object_meta::NameForm;
use serde_json::Value;

use super::Context;
use super::rules::Rules;

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
const EMPTIED: &str = "kubernetes";

/// Namespaces.
pub(super) struct Namespaces;

impl Rules for Namespaces {
    type Object = Namespace;
    const NAMES: NameForm = NameForm::Label;

    fn prepare(&self, _context: &Context<'_>, namespace: &mut Namespace) {
        namespace.status = Some(NamespaceStatus { phase: Some("Active".to_owned()), ..NamespaceStatus::default() });
        let finalizers = namespace.spec.get_or_insert_default().finalizers.get_or_insert_default();
        if !finalizers.iter().any(|finalizer| finalizer == EMPTIED) {
            finalizers.push(EMPTIED.to_owned());
        }
    }

    fn set_defaults(&self, namespace: &mut Namespace) {
        let name = text(&namespace.metadata.name).to_owned();
        namespace.metadata.labels.get_or_insert_default().insert(NAME_LABEL.to_owned(), name);
    }

    fn deletion_begins(&self, namespace: &mut Value) {
        namespace["status"]["phase"] = "Terminating".into();
    }

    fn is_held(&self, namespace: &Value) -> bool {
        let finalizers = namespace.pointer("/spec/finalizers").and_then(Value::as_array);
        finalizers.is_some_and(|finalizers| !finalizers.is_empty())
    }
}
