use serde_json::{Value, json};

use super::*;
use crate::resources::TABLE;

fn read(path: &str, aggregated: bool) -> Value {
    let discovery = Discovery::new(TABLE, "127.0.0.1:6443");
    let document = discovery.document(path, aggregated).expect("there is one");
    serde_json::from_slice(document.body()).expect("JSON")
}

fn named<'a>(list: &'a Value, field: &str, name: &str) -> &'a Value {
    let mut items = list.as_array().expect("a list").iter();
    items.find(|item| item.pointer(field) == Some(&json!(name))).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn pods_are_described_in_the_newer_form_as_a_real_server_does() {
    let api = read("/api", true);
    assert_eq!(api["kind"], "APIGroupDiscoveryList");
    assert_eq!(api["apiVersion"], "apidiscovery.k8s.io/v2");
    let version = &api["items"][0]["versions"][0];
    assert_eq!((&version["version"], &version["freshness"]), (&json!("v1"), &json!("Current")));
    let pods = named(&version["resources"], "/resource", "pods");
    let verbs = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    assert_eq!(pods["responseKind"], json!({"group": "", "version": "v1", "kind": "Pod"}));
    assert_eq!((&pods["scope"], &pods["singularResource"]), (&json!("Namespaced"), &json!("pod")));
    assert_eq!((&pods["verbs"], &pods["shortNames"]), (&verbs, &json!(["po"])));
    assert_eq!(pods["categories"], json!(["all"]));
    let eviction = named(&pods["subresources"], "/subresource", "eviction");
    let kind = json!({"group": "policy", "version": "v1", "kind": "Eviction"});
    assert_eq!(*eviction, json!({"subresource": "eviction", "responseKind": kind, "verbs": ["create"]}));
}

#[test]
fn drain_finds_the_version_of_evictions_in_the_older_form() {
    let list = read("/api/v1/", false);
    assert_eq!((&list["kind"], &list["groupVersion"]), (&json!("APIResourceList"), &json!("v1")));
    let eviction = named(&list["resources"], "/name", "pods/eviction");
    assert_eq!((&eviction["group"], &eviction["version"]), (&json!("policy"), &json!("v1")));
}

#[test]
fn both_forms_name_the_same_groups_and_kinds() {
    let newer = read("/apis", true);
    let older = read("/apis", false);
    let newer_names: Vec<&Value> =
        newer["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
    let older_groups = older["groups"].as_array().unwrap();
    assert_eq!(newer_names, older_groups.iter().map(|group| &group["name"]).collect::<Vec<_>>());
    for (group, item) in older_groups.iter().zip(newer["items"].as_array().unwrap()) {
        let path = format!("/apis/{}", group["preferredVersion"]["groupVersion"].as_str().unwrap());
        let list = read(&path, false);
        let older = list["resources"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap());
        let older: Vec<&str> = older.filter(|name| !name.contains('/')).collect();
        let newer = item["versions"][0]["resources"].as_array().unwrap();
        assert_eq!(older, newer.iter().map(|entry| entry["resource"].as_str().unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn a_client_that_has_a_document_need_not_read_it_again() {
    let discovery = Discovery::new(TABLE, "127.0.0.1:6443");
    let document = discovery.document("/apis", true).unwrap();
    let etag = document.etag();
    assert!(document.is_known(Some(&etag)));
    assert!(document.is_known(Some(&format!("\"x\", W/{etag}"))));
    assert!(!document.is_known(Some("\"x\"")));
    assert!(!document.is_known(None));
    assert_ne!(discovery.document("/apis", false).unwrap().etag(), etag);
}

#[test]
fn what_is_not_there_has_no_document() {
    let discovery = Discovery::new(TABLE, "127.0.0.1:6443");
    assert!(discovery.document("/apis/apps/v1", false).is_none());
    assert!(discovery.document("/api/v2", true).is_none());
    assert!(discovery.document("/apis/batch/v1", true).is_some(), "only the older form is there");
}
