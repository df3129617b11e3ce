use super::*;
use crate::resources::TABLE;

fn document(path: &str) -> Value {
    let api = OpenApi::new(TABLE);
    serde_json::from_slice(api.document(path).expect("there is one").body()).expect("JSON")
}

/// Every value below `value` that is under this key.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key));
            map.values().for_each(|value| under(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| under(value, key, found)),
        _ => (),
    }
}

#[test]
fn the_list_names_a_document_for_each_group_version_with_its_digest() {
    let api = OpenApi::new(TABLE);
    let list: Value = serde_json::from_slice(api.document("/openapi/v3").unwrap().body()).unwrap();
    for row in TABLE {
        let path = discovery::path(row).trim_start_matches('/').to_owned();
        let url = list["paths"][&path]["serverRelativeURL"].as_str().expect("listed");
        let (address, hash) = url.split_once("?hash=").unwrap();
        assert_eq!(api.document(address).unwrap().digest(), hash);
    }
    assert!(api.document("/openapi/v3/apis/apps/v1").is_none());
    assert!(api.document("/openapi/v2").is_none());
}

#[test]
fn all_references_lead_somewhere() {
    let api = OpenApi::new(TABLE);
    for path in api.groups.keys() {
        let document = document(&format!("/openapi/v3/{path}"));
        let mut references = Vec::new();
        under(&document, "$ref", &mut references);
        for reference in references {
            let pointer = reference.as_str().unwrap().trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{path}: {reference}");
        }
    }
}

#[test]
fn kubectl_finds_for_each_stored_kind_that_the_server_checks_fields() {
    for row in TABLE.iter().filter(|row| row.is_stored()) {
        let document = document(&format!("/openapi/v3{}", discovery::path(row)));
        let kind = json!({"group": row.group, "version": row.version, "kind": row.kind});
        let mut patches = Vec::new();
        under(&document["paths"], "patch", &mut patches);
        let patches: Vec<_> =
            patches.into_iter().filter(|patch| patch["x-kubernetes-group-version-kind"] == kind).collect();
        assert!(!patches.is_empty(), "{row:?}");
        for patch in patches {
            let names: Vec<_> = patch["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
            assert!(names.contains(&&json!("fieldValidation")), "{row:?}");
        }
    }
}

#[test]
fn kubectl_finds_the_schema_of_each_kind_by_its_group_version_and_kind() {
    for row in TABLE {
        let document = document(&format!("/openapi/v3{}", discovery::path(row)));
        let kind = json!([{"group": row.group, "version": row.version, "kind": row.kind}]);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let found = schemas.values().filter(|schema| schema["x-kubernetes-group-version-kind"] == kind).count();
        assert_eq!(found, 1, "{row:?}");
    }
}

#[test]
fn a_field_that_is_an_object_has_a_description_beside_its_reference() {
    let document = document("/openapi/v3/api/v1");
    let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"];
    assert!(spec["description"].as_str().unwrap().starts_with("Specification of the desired behavior of the pod."));
    assert_eq!(spec["allOf"][0]["$ref"], "#/components/schemas/io.k8s.api.core.v1.PodSpec");
}

#[test]
fn operations_have_names_of_their_own() {
    let api = OpenApi::new(TABLE);
    for path in api.groups.keys() {
        let document = document(&format!("/openapi/v3/{path}"));
        let mut names = Vec::new();
        under(&document["paths"], "operationId", &mut names);
        let all = names.len();
        names.sort_by_key(|name| name.to_string());
        names.dedup();
        // The two methods of a stream are one operation.
        let streams = names.iter().filter(|name| name.as_str().unwrap().starts_with("connect")).count();
        assert_eq!(all - streams, names.len(), "{path}");
    }
}
