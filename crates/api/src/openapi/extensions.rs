//! What Kubernetes' documents say beyond OpenAPI: which kind a schema is of, and how its lists are merged.

use serde_json::{Map, Value, json};

const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// Says of a schema which kind it is of. Nothing happens if the schema is not there.
pub fn name_kind(schemas: &mut Map<String, Value>, name: &str, (group, version, kind): (&str, &str, &str)) {
    if let Some(schema) = schemas.get_mut(name) {
        schema["x-kubernetes-group-version-kind"] = json!([{"group": group, "version": version, "kind": kind}]);
        // Types here have metadata always; clients may leave it out.
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| field != "metadata");
        }
    }
}

/// What the types' own schemas leave out.
pub fn complete(schemas: &mut Map<String, Value>) {
    if let Some(schema) = schemas.get_mut(INT_OR_STRING) {
        schema["oneOf"] = json!([{"type": "integer"}, {"type": "string"}]);
        schema["format"] = "int-or-string".into();
    }
    if let Some(Value::Object(schema)) = schemas.get_mut(QUANTITY) {
        schema.remove("type");
        schema.insert("oneOf".to_owned(), json!([{"type": "string"}, {"type": "number"}]));
    }
}
