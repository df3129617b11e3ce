//! How lists and maps are merged, said beside their schemas: `kubectl apply` makes its patches by it, and clients that apply
//! on the server know from it which items are theirs.

use serde_json::{Map, Value};

use super::schemas::PREFIX;
use crate::patch::{Content, List, Shape, Strategic, Topology};

/// Where items of a merged list are replaced key by key: a volume of another type must lose the fields of the old one.
const RETAINED: (&str, &str) = ("io.k8s.api.core.v1.PodSpec", "volumes");

/// Says it of a schema by its kind's shape, and of all that is in it.
pub fn describe(schemas: &mut Map<String, Value>, name: &str, shape: &Shape) {
    for field in shape.fields {
        let pointer = format!("/properties/{}", field.name);
        let Some(property) = schemas.get_mut(name).and_then(|schema| schema.pointer_mut(&pointer)) else { continue };
        match &field.content {
            Content::Object(inner) => {
                if inner.atomic {
                    property["x-kubernetes-map-type"] = "atomic".into();
                }
                if let Some(next) = referred(property) {
                    describe(schemas, &next, inner);
                }
            }
            Content::List(list) => {
                describe_list(property, list, (name, field.name) == RETAINED);
                if let Some(next) = property.get("items").and_then(referred) {
                    describe(schemas, &next, list.items);
                }
            }
        }
    }
}

fn describe_list(property: &mut Value, list: &List, retained: bool) {
    let strategy = if retained { "merge,retainKeys" } else { "merge" };
    match list.strategic {
        Strategic::Replace => {}
        Strategic::Merge => property["x-kubernetes-patch-strategy"] = strategy.into(),
        Strategic::MergeBy(key) => {
            property["x-kubernetes-patch-strategy"] = strategy.into();
            property["x-kubernetes-patch-merge-key"] = key.into();
        }
    }
    match list.apply {
        Topology::Atomic => property["x-kubernetes-list-type"] = "atomic".into(),
        Topology::Set => property["x-kubernetes-list-type"] = "set".into(),
        Topology::Map(keys) => {
            property["x-kubernetes-list-type"] = "map".into();
            property["x-kubernetes-list-map-keys"] = keys.iter().map(|key| key.name).collect();
        }
    }
}

/// The schema that this one refers to, alone or beside a description.
fn referred(schema: &Value) -> Option<String> {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"))?;
    reference.as_str()?.strip_prefix(PREFIX).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openapi::OpenApi;
    use crate::resources::TABLE;

    fn schemas(path: &str) -> Value {
        let api = OpenApi::new(TABLE);
        let document: Value = serde_json::from_slice(api.document(path).unwrap().body()).unwrap();
        document["components"]["schemas"].clone()
    }

    #[test]
    fn lists_of_pods_say_by_what_they_are_merged() {
        let schemas = schemas("/openapi/v3/api/v1");
        let of =
            |schema: &str, field: &str| schemas[format!("io.k8s.api.core.v1.{schema}")]["properties"][field].clone();
        let containers = of("PodSpec", "containers");
        assert_eq!(containers["x-kubernetes-patch-strategy"], "merge");
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        let ports = of("Container", "ports");
        assert_eq!(ports["x-kubernetes-patch-merge-key"], "containerPort");
        assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
        assert_eq!(of("PodSpec", "volumes")["x-kubernetes-patch-strategy"], "merge,retainKeys");
        assert_eq!(of("ServiceSpec", "ports")["x-kubernetes-patch-merge-key"], "port");
        assert_eq!(of("PodStatus", "conditions")["x-kubernetes-patch-merge-key"], "type");
    }

    #[test]
    fn a_job_s_template_is_described_as_a_pod_is() {
        let schemas = schemas("/openapi/v3/apis/batch/v1");
        let env = &schemas["io.k8s.api.core.v1.Container"]["properties"]["env"];
        assert_eq!(env["x-kubernetes-patch-merge-key"], "name");
    }
}
