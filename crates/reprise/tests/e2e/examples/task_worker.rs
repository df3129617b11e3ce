//! The task queue while workers, the agent and the node are killed: each item is done, and once.

use std::collections::BTreeSet;
use std::process::Command;

use reprise_testkit::{Node, reprise_path};

use super::readme::repository;
use crate::kubectl::cluster::{Cluster, Release};
use crate::scene::eventually;

/// How many items there are.
const ITEMS: usize = 40;

/// What is killed, each when some more items are done.
const KILLED: [fn(&mut Cluster); 5] = [worker, agent, node, worker, agent];

/// An image of the example.
fn make_image(node: &Node) {
    let script =
        "examples/image.sh example/redis:1 redis-cli redis-server=redis-check-rdb | \"$REPRISE\" image import -";
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", script]).current_dir(repository()).env("REPRISE", reprise_path());
    command.envs(node.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(command.status().unwrap().success(), "the image can't be made");
}

/// A process that works on an item.
fn worker(cluster: &mut Cluster) {
    eventually("a worker is at work", || {
        let processes = cluster.node.processes();
        processes
            .iter()
            .find(|process| process.command.contains("/scripts/work"))
            .map(reprise_testkit::leftovers::Owned::kill)
    });
}

fn agent(cluster: &mut Cluster) {
    cluster.crash(|_| ());
}

/// Everything that runs on the machine, the queue too.
fn node(cluster: &mut Cluster) {
    cluster.crash(Node::lose_machine);
}

/// What Redis answers, a line each. Nothing while it is away.
fn redis(cluster: &Cluster, command: &[&str]) -> Vec<String> {
    let answer = cluster.kubectl(&[&["exec", "queue", "--", "redis-cli", "-e"], command].concat());
    if answer.code == Some(0) { answer.stdout.lines().map(str::to_owned).collect() } else { Vec::new() }
}

fn done(cluster: &Cluster) -> usize {
    redis(cluster, &["LLEN", "done"]).first().map_or(0, |count| count.parse().unwrap())
}

#[test]
fn no_item_is_lost_or_done_twice_when_worker_agent_or_node_is_killed() {
    let mut cluster = Cluster::with_node(Release::Newer);
    make_image(&cluster.node);
    let folder = repository().join("examples/task-worker");
    cluster.ok(&["apply", "-f", folder.join("queue.yaml").to_str().unwrap()]);
    let worker = std::fs::read_to_string(folder.join("worker.yaml")).unwrap();
    for number in 1..=2 {
        let manifest = worker.replace("name: worker\n", &format!("name: worker-{number}\n"));
        cluster.ok(&["apply", "-f", &cluster.file(&manifest)]);
    }
    cluster.ok(&["wait", "--for=condition=Ready", "pod/queue", "--timeout=60s"]);
    let items: Vec<String> = (1..=ITEMS).map(|number| format!("item-{number}")).collect();
    let push: Vec<&str> = ["RPUSH", "tasks"].into_iter().chain(items.iter().map(String::as_str)).collect();
    assert_eq!(redis(&cluster, &push), [ITEMS.to_string()]);

    for (number, kill) in KILLED.iter().enumerate() {
        eventually("some more items are done", || (done(&cluster) >= (number + 1) * 5).then_some(()));
        kill(&mut cluster);
    }
    eventually("all items are done", || (done(&cluster) >= ITEMS).then_some(()));

    let done = redis(&cluster, &["LRANGE", "done", "0", "-1"]);
    let names: BTreeSet<&str> = done.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!((done.len(), names), (ITEMS, items.iter().map(String::as_str).collect()), "{done:?}");
    assert_eq!(redis(&cluster, &["LLEN", "tasks"]), ["0"]);
    assert_eq!(redis(&cluster, &["--scan", "--pattern", "taken:*"]), [""; 0], "an item was taken twice");
    for number in 1..=2 {
        let restarts = cluster.field(&format!("pod/worker-{number}"), ".status.containerStatuses[0].restartCount");
        assert!(restarts.parse::<usize>().unwrap() >= 5, "worker-{number} did too little: {restarts}");
    }
    cluster.ok(&["delete", "pods", "--all", "--now"]);
}
