use serde_json::{Value, json};

use super::*;
use crate::resources::{TABLE, find};

/// A quarter of an hour after everything in these tests was made.
const NOW: &str = "2026-01-01T00:15:00Z";

fn now() -> jiff::Timestamp {
    NOW.parse().unwrap()
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": "n", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"})
}

fn columns(group: &str, version: &str, plural: &str) -> &'static Columns {
    find(group, version, plural).unwrap().columns
}

/// Names, with a star behind those that only `-o wide` shows.
fn names(columns: &Columns) -> Vec<String> {
    let definitions = columns.definitions();
    let name = |column: &Value| {
        let star = if column["priority"] == 1 { "*" } else { "" };
        format!("{}{star}", column["name"].as_str().unwrap())
    };
    definitions.as_array().unwrap().iter().map(name).collect()
}

#[track_caller]
fn assert_cells(columns: &Columns, object: Value, expected: Value) {
    let cells = columns.cells(&object, now());
    assert_eq!(cells, expected);
}

#[test]
fn each_kind_has_the_columns_of_a_real_server() {
    let cases = [
        ("", "pods", "Name Ready Status Restarts Age IP* Node* Nominated-Node* Readiness-Gates*"),
        (
            "",
            "nodes",
            "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
        ),
        ("", "events", "Last-Seen Type Reason Object Subobject* Source* Message First-Seen* Count* Name*"),
        ("batch", "jobs", "Name Status Completions Duration Age Containers* Images* Selector*"),
        ("", "configmaps", "Name Data Age"),
        ("", "secrets", "Name Type Data Age"),
        ("", "namespaces", "Name Status Age"),
        ("", "serviceaccounts", "Name Age"),
        ("coordination.k8s.io", "leases", "Name Holder Age"),
        ("", "services", "Name Type Cluster-IP External-IP Port(s) Age Selector*"),
        ("rbac.authorization.k8s.io", "rolebindings", "Name Role Age Users* Groups* ServiceAccounts*"),
    ];
    for (group, plural, expected) in cases {
        let found = names(columns(group, "v1", plural)).iter().map(|name| name.replace(' ', "-")).collect::<Vec<_>>();
        assert_eq!(found.join(" "), expected, "{plural}");
    }
}

#[test]
fn every_kind_makes_cells_even_of_an_object_without_fields() {
    for row in TABLE {
        let cells = row.columns.cells(&json!({}), now());
        assert_eq!(cells.as_array().unwrap().len(), names(row.columns).len(), "{row:?}");
    }
}

#[test]
fn a_pod_that_was_restarted_says_when() {
    let pod = json!({
        "kind": "Pod",
        "metadata": metadata("p"),
        "spec": {"containers": [{"name": "main"}], "nodeName": "edge"},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.2"}], "containerStatuses": [{
            "ready": true, "restartCount": 4, "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:03:00Z"}},
        }]},
    });
    let expected = ["p", "1/1", "Running", "4 (12m ago)", "15m", "10.0.0.2", "edge", "<none>", "<none>"];
    assert_cells(&PODS, pod, json!(expected));
}

#[test]
fn readiness_gates_are_counted() {
    let pod = json!({
        "metadata": metadata("p"),
        "spec": {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
        "status": {"conditions": [{"type": "a", "status": "True"}]},
    });
    assert_eq!(PODS.cells(&pod, now())[8], "1/2");
}

#[test]
fn a_cordoned_node_says_so() {
    let node = json!({
        "metadata": {
            "name": "edge",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "gpu"},
        },
        "spec": {"unschedulable": true},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Debian"},
        },
    });
    let start = ["edge", "Ready,SchedulingDisabled", "gpu,worker", "15m", "v1.36.2", "10.0.0.1", "<none>"];
    assert_cells(&NODES, node, json!([&start[..], &["Debian", "<unknown>", "<unknown>"]].concat()));
}

#[test]
fn an_event_that_came_again_says_when_last() {
    let event = json!({
        "metadata": metadata("p.1"),
        "type": "Warning", "reason": "BackOff", "message": " too soon\n", "count": 3,
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:14:50Z",
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{main}"},
        "source": {"component": "kubelet", "host": "edge"},
    });
    let start = json!(["10s", "Warning", "BackOff", "pod/p", "spec.containers{main}", "kubelet, edge", "too soon"]);
    let cells = EVENTS.cells(&event, now());
    assert_eq!(cells.as_array().unwrap()[..7], start.as_array().unwrap()[..]);
    assert_eq!(cells.as_array().unwrap()[7..], [json!("15m"), json!(3), json!("p.1")]);
    let series = json!({"eventTime": "2026-01-01T00:00:00.5Z", "series": {"count": 9, "lastObservedTime": NOW}});
    assert_eq!(EVENTS.cells(&series, now())[0], "0s");
    assert_eq!(EVENTS.cells(&series, now())[8], 9);
}

#[test]
fn a_job_says_how_far_it_is() {
    let job = |spec: Value, status: Value| json!({"metadata": metadata("j"), "spec": spec, "status": status});
    let cells = |job: &Value| JOBS.cells(job, now());
    let running = cells(&job(json!({"completions": 3}), json!({"succeeded": 1, "startTime": "2026-01-01T00:14:00Z"})));
    assert_eq!((&running[1], &running[2], &running[3]), (&json!("Running"), &json!("1/3"), &json!("60s")));
    let complete = json!({
        "succeeded": 1, "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:07Z",
        "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}],
    });
    let complete = cells(&job(json!({"parallelism": 2}), complete));
    assert_eq!((&complete[1], &complete[2], &complete[3]), (&json!("Complete"), &json!("1/1 of 2"), &json!("7s")));
    let failed = json!({"conditions": [{"type": "Suspended", "status": "True"}]});
    assert_eq!(cells(&job(json!({}), failed))[1], "Suspended");
    let wide = json!({
        "selector": {"matchLabels": {"b": "2", "a": "1"}},
        "template": {"spec": {"containers": [{"name": "x", "image": "i"}, {"name": "y", "image": "j"}]}},
    });
    let wide = cells(&job(wide, json!({})));
    assert_eq!((&wide[5], &wide[6], &wide[7]), (&json!("x,y"), &json!("i,j"), &json!("a=1,b=2")));
}

#[test]
fn a_service_shows_its_ports_and_where_it_is_reached() {
    let service = json!({
        "metadata": metadata("s"),
        "spec": {
            "type": "NodePort", "clusterIP": "10.1.0.1", "selector": {"app": "x"},
            "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
        },
    });
    let expected = ["s", "NodePort", "10.1.0.1", "<none>", "80:30080/TCP,53/UDP", "15m", "app=x"];
    assert_cells(&SERVICES, service, json!(expected));
}

#[test]
fn a_claim_shows_its_volume_only_once_it_is_bound() {
    let status =
        json!({"phase": "Bound", "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "capacity": {"storage": "1Gi"}});
    let mut claim = json!({
        "metadata": metadata("c"),
        "spec": {"storageClassName": "local", "volumeMode": "Filesystem"},
        "status": status,
    });
    let unbound = ["c", "Bound", "", "", "", "local", "<unset>", "15m", "Filesystem"];
    assert_cells(&PERSISTENT_VOLUME_CLAIMS, claim.clone(), json!(unbound));
    claim["spec"]["volumeName"] = json!("v");
    let bound = ["c", "Bound", "v", "1Gi", "RWO,RWX", "local", "<unset>", "15m", "Filesystem"];
    assert_cells(&PERSISTENT_VOLUME_CLAIMS, claim, json!(bound));
}

#[test]
fn a_binding_shows_its_subjects_by_kind() {
    let binding = json!({
        "metadata": metadata("b"),
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [
            {"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "sa", "namespace": "n"}, {"kind": "User", "name": "w"},
        ],
    });
    assert_cells(&ROLE_BINDINGS, binding, json!(["b", "ClusterRole/view", "15m", "u, w", "g", "n/sa"]));
}

#[test]
fn a_list_carries_columns_rows_and_the_metadata_of_each_object() {
    let maps = [
        json!({"kind": "ConfigMap", "metadata": metadata("a"), "data": {"x": "1"}}),
        json!({"metadata": metadata("b")}),
    ];
    let list = json!({"resourceVersion": "9", "continue": "c", "remainingItemCount": 5});
    let table = table(&CONFIG_MAPS, &maps, list.clone(), IncludeObject::Metadata, now());
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["metadata"], list);
    let name = &table["columnDefinitions"][0];
    assert_eq!((&name["name"], &name["type"], &name["format"]), (&json!("Name"), &json!("string"), &json!("name")));
    assert_eq!(table["rows"][0]["cells"], json!(["a", "1", "15m"]));
    let object = &table["rows"][1]["object"];
    assert_eq!((&object["kind"], &object["metadata"]), (&json!("PartialObjectMetadata"), &metadata("b")));
}

#[test]
fn rows_carry_as_much_of_their_objects_as_was_asked_for() {
    let map = json!({"kind": "ConfigMap", "metadata": metadata("a"), "data": {"x": "1"}});
    let row = |include: &str| {
        let include = IncludeObject::parse(include).unwrap();
        table(&CONFIG_MAPS, [&map], json!({}), include, now())["rows"][0]["object"].clone()
    };
    assert_eq!(row("None"), Value::Null);
    assert_eq!(row("Object"), map);
    assert_eq!(row(""), partial_object(&map));
    assert_eq!(IncludeObject::parse("All").unwrap_err().code(), 422);
}

#[test]
fn only_the_first_event_of_a_watch_says_what_the_columns_are() {
    let map = json!({"kind": "ConfigMap", "metadata": metadata("a")});
    let first = watch_table(&CONFIG_MAPS, &map, IncludeObject::Metadata, now(), true);
    let second = watch_table(&CONFIG_MAPS, &map, IncludeObject::Metadata, now(), false);
    assert_eq!(first["columnDefinitions"].as_array().unwrap().len(), 3);
    assert_eq!(second["columnDefinitions"], Value::Null);
    assert_eq!(first["metadata"]["resourceVersion"], "7");
    assert_eq!((&first["rows"], first["rows"].as_array().unwrap().len()), (&second["rows"], 1));
}

#[test]
fn a_pod_that_has_ended_can_be_told_by_its_row() {
    let pod = |phase: &str| json!({"kind": "Pod", "metadata": metadata("p"), "status": {"phase": phase}});
    let row = |phase: &str| watch_table(&PODS, &pod(phase), IncludeObject::None, now(), true)["rows"][0].clone();
    assert_eq!(row("Succeeded")["conditions"][0]["reason"], "Succeeded");
    assert_eq!(row("Failed")["conditions"][0]["type"], "Completed");
    assert!(row("Running").get("conditions").is_none());
}

#[test]
fn a_list_of_metadata_has_nothing_else() {
    let maps = [json!({"kind": "ConfigMap", "metadata": metadata("a"), "data": {"x": "1"}})];
    let list = partial_list(&maps, json!({"resourceVersion": "9"}));
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    let item = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata("a")});
    assert_eq!(list["items"], json!([item]));
}
