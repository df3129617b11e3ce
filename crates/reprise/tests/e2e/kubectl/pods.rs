//! Pods from `run` to `delete`: what is shown of them, what they said, and what happened.

use reprise_testkit::image::BUSYBOX_IMAGE;

use super::cluster::{Cluster, Release};

super::with_each_kubectl!(
    a_pod_is_run_shown_described_and_deleted,
    what_containers_said_is_read,
    a_job_runs_to_completion,
    files_are_copied_both_ways,
);

/// Runs a shell script as a Pod, and waits until it is ready.
pub fn run(cluster: &Cluster, name: &str, script: &str) {
    cluster.says(&["run", name, "--image", BUSYBOX_IMAGE, "--", "sh", "-c", script], &format!("pod/{name} created"));
    cluster.ok(&["wait", "--for=condition=Ready", &format!("pod/{name}"), "--timeout=60s"]);
}

/// Goes on until it is told to end.
pub const SLEEP: &str = "trap exit TERM; while :; do sleep 1; done";

fn a_pod_is_run_shown_described_and_deleted(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", SLEEP);
    let table = cluster.table(&["get", "pods"]);
    assert_eq!(table[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(table[1][..4], ["p", "1/1", "Running", "0"]);
    let wide = cluster.table(&["get", "pod", "p", "-o", "wide"]);
    let node = cluster.field("pod/p", ".spec.nodeName");
    let ip = cluster.field("pod/p", ".status.podIP");
    assert_eq!(wide[1][5..], [ip.as_str(), &node, "<none>", "<none>"]);
    let described = cluster.ok(&["describe", "pod", "p"]);
    for part in [
        "Status:           Running",
        "Ready:          True",
        "QoS Class:                   BestEffort",
        "Scheduled",
        "Started",
    ] {
        assert!(described.contains(part), "no {part} in {described}");
    }
    let events = cluster.ok(&["events", "--for", "pod/p"]);
    assert!(events.contains("Scheduled") && events.contains("Started"), "{events}");
    let listed = cluster.ok(&["get", "events", "--field-selector", "involvedObject.name=p"]);
    assert!(listed.starts_with("LAST SEEN   TYPE") && listed.contains("pod/p"), "{listed}");
    let deleted = cluster.ok(&["delete", "pod", "p"]);
    assert!(deleted.starts_with("pod \"p\" deleted"), "{deleted}");
    cluster.fails(&["get", "pod", "p"], "pods \"p\" not found");
}

fn what_containers_said_is_read(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", &format!("echo one; echo two; {SLEEP}"));
    cluster.says(&["logs", "p"], "one\ntwo");
    cluster.says(&["logs", "p", "--tail=1"], "two");
    let stamped = cluster.ok(&["logs", "p", "--timestamps"]);
    assert!(stamped.starts_with("20") && stamped.lines().next().unwrap().ends_with(" one"), "{stamped}");
    cluster.says(&["logs", "p", "--since=1h", "--limit-bytes=3"], "one");
    cluster.says(&["logs", "p", "--since-time=2020-01-01T00:00:00Z"], "one\ntwo");
    cluster.says(&["logs", "-l", "run=p", "--prefix"], "[pod/p/p] one\n[pod/p/p] two");
    cluster.fails(&["logs", "p", "--previous"], "previous terminated container \"p\" in pod \"p\" not found");
    cluster.fails(&["logs", "p", "-c", "x"], "container x is not valid for pod p");
    cluster.fails(&["logs", "nope"], "pods \"nope\" not found");
    let following = cluster.command(&["logs", "-f", "p"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    cluster.ok(&["delete", "pod", "p"]);
    let followed = following.wait_with_output().unwrap();
    assert_eq!((followed.status.code(), followed.stdout.as_slice()), (Some(0), &b"one\ntwo\n"[..]));
}

fn a_job_runs_to_completion(release: Release) {
    let cluster = Cluster::with_node(release);
    cluster.says(&["create", "job", "j", "--image", BUSYBOX_IMAGE, "--", "echo", "done"], "job.batch/j created");
    cluster.ok(&["wait", "--for=condition=Complete", "job/j", "--timeout=60s"]);
    assert_eq!(cluster.table(&["get", "job", "j"])[1][..3], ["j", "Complete", "1/1"]);
    cluster.says(&["logs", "job/j"], "done");
    assert_eq!(cluster.table(&["get", "pods", "-l", "job-name=j"])[1][1..3], ["0/1", "Completed"]);
    let described = cluster.ok(&["describe", "job", "j"]);
    assert!(described.contains("0 Active (0 Ready) / 1 Succeeded / 0 Failed"), "{described}");
    cluster.ok(&["delete", "job", "j"]);
    cluster.ok(&["wait", "--for=delete", "pods", "-l", "job-name=j", "--timeout=60s"]);
}

fn files_are_copied_both_ways(release: Release) {
    let cluster = Cluster::with_node(release);
    run(&cluster, "p", SLEEP);
    let there = cluster.scratch().join("there");
    let back = cluster.scratch().join("back");
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    std::fs::create_dir(&there).unwrap();
    std::fs::write(there.join("file"), &bytes).unwrap();
    cluster.ok(&["cp", there.to_str().unwrap(), "p:/tmp/copy"]);
    cluster.says(&["exec", "p", "--", "wc", "-c", "/tmp/copy/file"], "300000 /tmp/copy/file");
    cluster.ok(&["cp", "p:/tmp/copy", back.to_str().unwrap()]);
    assert!(std::fs::read(back.join("file")).unwrap() == bytes, "what came back is not what was sent");
    // Of a file that is not there kubectl gets an empty archive and then tar's exit code, and may be done before that came: it
    // fails or not. Nothing is made of it in any case.
    let none = cluster.scratch().join("none");
    cluster.kubectl(&["cp", "p:/nope", none.to_str().unwrap()]);
    assert!(!none.exists(), "something came of nothing");
    let file = there.join("file");
    cluster.fails(&["cp", file.to_str().unwrap(), "p:/nope/file"], "command terminated with exit code 1");
    cluster.ok(&["delete", "pod", "p", "--now"]);
}
