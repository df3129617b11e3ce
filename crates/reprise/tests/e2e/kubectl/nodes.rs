//! Nodes: `describe`, `cordon`, `taint`, `drain`.

use reprise_testkit::image::BUSYBOX_IMAGE;

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(a_node_is_shown_and_described, a_node_is_tainted_cordoned_and_drained);

fn a_node_is_shown_and_described(release: Release) {
    let cluster = Cluster::with_node(release);
    let name = cluster.field("nodes", ".items[0].metadata.name");
    let table = cluster.table(&["get", "nodes"]);
    assert_eq!(table[0], ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]);
    assert_eq!((&table[1][0], table[1][1].as_str()), (&name, "Ready"));
    let wide = cluster.ok(&["get", "nodes", "-o", "wide"]);
    assert!(wide.contains("INTERNAL-IP") && wide.contains("CONTAINER-RUNTIME"), "{wide}");
    let described = cluster.ok(&["describe", "node", &name]);
    for part in [
        "Name:",
        "Unschedulable:      false",
        "Capacity:",
        "Allocatable:",
        "System Info:",
        "Non-terminated Pods:",
        "Lease:",
    ] {
        assert!(described.contains(part), "no {part} in {described}");
    }
    let lease = cluster.ok(&["get", "lease", &name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.holderIdentity}"]);
    assert_eq!(lease, name);
}

fn a_node_is_tainted_cordoned_and_drained(release: Release) {
    let cluster = Cluster::with_node(release);
    let name = cluster.field("nodes", ".items[0].metadata.name");
    cluster.says(&["taint", "node", &name, "special=true:NoSchedule"], &format!("node/{name} tainted"));
    assert_eq!(cluster.field(&format!("node/{name}"), ".spec.taints[0].key"), "special");
    cluster.says(&["taint", "node", &name, "special-"], &format!("node/{name} untainted"));
    let run = [
        "run",
        "p",
        "--image",
        BUSYBOX_IMAGE,
        "--restart=Never",
        "--",
        "sh",
        "-c",
        "trap exit TERM; sleep 1000 & wait",
    ];
    cluster.says(&run, "pod/p created");
    cluster.ok(&["wait", "--for=condition=Ready", "pod/p", "--timeout=60s"]);
    cluster.says(&["cordon", &name], &format!("node/{name} cordoned"));
    assert_eq!(cluster.table(&["get", "node", &name])[1][1], "Ready,SchedulingDisabled");
    // A Pod that nothing would make again is not removed unless that is wanted.
    let refused = cluster.kubectl(&["drain", &name]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("default/p"), "{refused:?}");
    let drained = cluster.ok(&["drain", &name, "--force", "--timeout=60s"]);
    assert!(drained.contains("pod/p evicted") && drained.contains(&format!("node/{name} drained")), "{drained}");
    cluster.fails(&["get", "pod", "p"], "pods \"p\" not found");
    cluster.ok(&["run", "q", "--image", BUSYBOX_IMAGE]);
    cluster.ok(&["wait", "--for=condition=PodScheduled=False", "pod/q", "--timeout=60s"]);
    assert_eq!(cluster.table(&["get", "pod", "q"])[1][2], "Pending");
    cluster.says(&["uncordon", &name], &format!("node/{name} uncordoned"));
    cluster.ok(&["wait", "--for=condition=PodScheduled", "pod/q", "--timeout=60s"]);
    cluster.ok(&["delete", "pod", "q", "--force"]);
}
