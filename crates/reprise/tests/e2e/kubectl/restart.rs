//! An in-place restart of a Pod as kubectl shows it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;

use reprise_testkit::manifest::Container;

use super::cluster::{Cluster, Release};
use crate::scene::{LIMIT, ctl, pod};

super::with_each_kubectl!(an_in_place_restart_is_watched_and_waited_for);

fn an_in_place_restart_is_watched_and_waited_for(release: Release) {
    let cluster = Cluster::with_node(release);
    let node = &cluster.node;
    let init = Container::new("prepare", &["count", "/data/prepare"]).mount("data", "/data");
    let steps = ["count", "/data/main", "wait-file", "/ctl/go", "exit-if", "/data/main", "eq", "1", "88", "forever"];
    let main = Container::new("main", &steps).mount("data", "/data").mount("ctl", "/ctl").policy("Never");
    let manifest = pod(node, "worker").policy("Never").init(init).container(main.restart_all_on(&[88])).build();
    let file = cluster.file(&manifest.to_string());
    let mut watch = cluster.command(&["get", "pods", "-w"]).stdout(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = channel();
    let stdout = watch.stdout.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // The test has ended if nobody listens.
            sender.send(line).ok();
        }
    });
    cluster.says(&["apply", "-f", &file], "pod/worker created");
    cluster.ok(&["wait", "--for=condition=Ready", "pod/worker", "--timeout=60s"]);
    let before = cluster.json(&["get", "pod", "worker"]);
    let condition = ["wait", "--for=condition=AllContainersRestarting=True", "pod/worker", "--timeout=60s", "-v=6"];
    let mut waiting = cluster.command(&condition).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The condition holds for a moment: it must be listening before.
    let mut told = BufReader::new(waiting.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.contains("watch=true") && line.contains("200")), "it never listened");
    std::thread::spawn(move || told.for_each(drop));
    std::fs::write(ctl(node).join("go"), "").unwrap();
    let waited = waiting.wait_with_output().unwrap();
    assert_eq!((waited.status.code(), waited.stdout.as_slice()), (Some(0), &b"pod/worker condition met\n"[..]));
    let mut seen: Vec<Vec<String>> = Vec::new();
    loop {
        let line = lines.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("{error}: {seen:#?}"));
        seen.push(line.split_whitespace().map(str::to_owned).collect());
        let last = seen.last().unwrap();
        if last.len() > 3 && last[1..3] == ["1/1", "Running"] && last[3] == "1" {
            break;
        }
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(seen[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    let statuses: Vec<&str> = seen[1..].iter().map(|line| line[2].as_str()).collect();
    assert!(statuses.contains(&"Pending") || statuses.contains(&"Init:0/1"), "{seen:#?}");
    assert!(statuses.contains(&"PodInitializing") || statuses.contains(&"Init:0/1"), "{seen:#?}");
    let after = cluster.json(&["get", "pod", "worker"]);
    for field in ["uid", "name"] {
        assert_eq!(after["metadata"][field], before["metadata"][field]);
    }
    assert_eq!(after["status"]["podIP"], before["status"]["podIP"]);
    assert_eq!(after["spec"]["nodeName"], before["spec"]["nodeName"]);
    let events = cluster.ok(&["events", "--for", "pod/worker"]);
    assert!(events.contains("Started"), "{events}");
    cluster.ok(&["delete", "pod", "worker", "--now"]);
}
