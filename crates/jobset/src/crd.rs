//! The CustomResourceDefinition, for clusters that do not have JobSets.

use k8s_openapi::Resource;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::types::JobSet;

const IMMUTABLE: &str = "Value is immutable";
/// What is said about fields of Jobs and claims is left out: those who apply the definition keep a copy in an annotation, and
/// annotations have a limit.
const UNDESCRIBED: [&str; 2] = ["spec/replicatedJobs/[]/template", "spec/volumeClaimPolicies/[]/templates"];

/// The definition.
#[must_use]
pub fn crd() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", JobSet::URL_PATH_SEGMENT, JobSet::GROUP)},
        "spec": {
            "group": JobSet::GROUP,
            "names": {"kind": JobSet::KIND, "listKind": "JobSetList", "plural": JobSet::URL_PATH_SEGMENT, "singular": "jobset"},
            "scope": "Namespaced",
            "versions": [{
                "name": JobSet::VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns(),
                "schema": {"openAPIV3Schema": schema()},
            }],
        },
    })
}

fn columns() -> Value {
    json!([
        {"name": "TerminalState", "type": "string", "jsonPath": ".status.terminalState"},
        {"name": "Restarts", "type": "string", "jsonPath": ".status.restarts"},
        {"name": "Completed", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Completed\")].status"},
        {"name": "Suspended", "type": "string", "jsonPath": ".spec.suspend"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ])
}

/// Structural: nothing is referred to, and each value has a type.
fn schema() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.transforms = Vec::new();
    });
    let mut schema = JobSet::json_schema(&mut settings.into_generator()).to_value();
    schema["properties"]["metadata"] = json!({"type": "object"});
    for path in UNDESCRIBED {
        if let Some(part) = find(&mut schema, path) {
            undescribe(part);
        }
    }
    for (path, more) in additions() {
        if let (Some(Value::Object(part)), Value::Object(more)) = (find(&mut schema, path), more) {
            part.extend(more);
        }
    }
    schema
}

/// The schema of the field at a path, in which `[]` are the items of a list.
fn find<'a>(schema: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('/').try_fold(schema, |schema, name| match name {
        "[]" => schema.get_mut("items"),
        name => schema.get_mut("properties")?.get_mut(name),
    })
}

fn undescribe(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    fields.remove("description");
    for (name, value) in fields {
        match (name.as_str(), value) {
            // Here keys are names of fields.
            ("properties", Value::Object(fields)) => fields.values_mut().for_each(undescribe),
            ("items" | "additionalProperties", value) => undescribe(value),
            _ => {}
        }
    }
}

/// What types do not say.
fn additions() -> Vec<(&'static str, Value)> {
    let immutable = || json!({"x-kubernetes-validations": [{"rule": "self == oldSelf", "message": IMMUTABLE}]});
    let map_by = |key: &str| json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]});
    let exclusive = "!(has(self.startupPolicy) && self.startupPolicy.startupPolicyOrder == 'InOrder' && \
         self.replicatedJobs.exists(x, has(x.dependsOn)))";
    let rules = json!([{"rule": exclusive, "message": "StartupPolicy and DependsOn APIs are mutually exclusive"}]);
    let status = "status/replicatedJobsStatus";
    let counts = ["active", "failed", "name", "ready", "succeeded", "suspended"];
    vec![
        ("spec", json!({"x-kubernetes-validations": rules})),
        ("spec/network", immutable()),
        ("spec/successPolicy", immutable()),
        ("spec/failurePolicy", immutable()),
        ("spec/startupPolicy", immutable()),
        ("spec/volumeClaimPolicies", json!({"maxItems": 50, "x-kubernetes-list-type": "atomic"})),
        ("spec/volumeClaimPolicies", immutable()),
        ("spec/ttlSecondsAfterFinished", json!({"minimum": 0})),
        ("spec/coordinator", json!({"required": ["replicatedJob"]})),
        ("spec/successPolicy", json!({"required": ["operator"]})),
        ("spec/successPolicy/operator", json!({"enum": ["All", "Any"]})),
        ("spec/startupPolicy", json!({"required": ["startupPolicyOrder"]})),
        ("spec/startupPolicy/startupPolicyOrder", json!({"enum": ["AnyOrder", "InOrder"]})),
        (
            "spec/failurePolicy/restartStrategy",
            json!({"default": "Recreate", "enum": ["Recreate", "BlockingRecreate", "InPlaceRestart"]}),
        ),
        ("spec/failurePolicy/rules/[]", json!({"required": ["action", "name"]})),
        (
            "spec/failurePolicy/rules/[]/action",
            json!({"enum": ["FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts", "RestartJob", "RestartJobAndIgnoreMaxRestarts"]}),
        ),
        ("spec/replicatedJobs", map_by("name")),
        ("spec/replicatedJobs/[]", json!({"required": ["name", "template"]})),
        ("spec/replicatedJobs/[]/groupName", json!({"default": "default"})),
        ("spec/replicatedJobs/[]/replicas", json!({"default": 1, "minimum": 0})),
        ("spec/replicatedJobs/[]/dependsOn", json!({"maxItems": 5})),
        ("spec/replicatedJobs/[]/dependsOn", immutable()),
        ("spec/replicatedJobs/[]/dependsOn", map_by("name")),
        ("spec/replicatedJobs/[]/dependsOn/[]", json!({"required": ["name", "status"]})),
        ("spec/replicatedJobs/[]/dependsOn/[]/status", json!({"enum": ["Ready", "Complete"]})),
        ("status/conditions", map_by("type")),
        (status, map_by("name")),
        ("status/replicatedJobsStatus/[]", json!({"required": counts})),
        ("status/replicatedJobsStatus/[]/jobRestarts", json!({"maxItems": 1024, "x-kubernetes-list-type": "atomic"})),
        (
            "status/replicatedJobsStatus/[]/jobRestartsCountTowardsMax",
            json!({"maxItems": 1024, "x-kubernetes-list-type": "atomic"}),
        ),
        ("status/currentInPlaceRestartAttempt", json!({"minimum": 0})),
        ("status/previousInPlaceRestartAttempt", json!({"minimum": 0})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit of all annotations of an object.
    const APPLIED: usize = 256 * 1024;

    fn check(schema: &Value, path: &str) {
        assert!(schema.get("$ref").is_none() && schema.get("allOf").is_none(), "{path}: {schema}");
        let is_typed = schema.get("type").is_some_and(Value::is_string) || schema["x-kubernetes-int-or-string"] == true;
        assert!(is_typed || schema["x-kubernetes-preserve-unknown-fields"] == true, "{path} has no type: {schema}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            check(field, &format!("{path}.{name}"));
        }
        for name in ["items", "additionalProperties"] {
            schema.get(name).into_iter().for_each(|part| check(part, &format!("{path}.{name}")));
        }
    }

    #[test]
    fn the_schema_is_structural_and_small_enough_to_be_applied() {
        let mut schema = schema();
        check(&schema, "");
        assert!(crd().to_string().len() < APPLIED, "{} bytes", crd().to_string().len());
        let labels = "spec/replicatedJobs/[]/template/spec/template/metadata/labels";
        assert!(find(&mut schema, labels).is_some(), "labels of Pods would be dropped");
        for (path, _) in additions() {
            assert!(find(&mut schema, path).is_some(), "{path}");
        }
    }
}
