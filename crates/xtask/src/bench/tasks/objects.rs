//! The Pods of the tasks: one init container, which leaves a task in a volume, and one main container, which says that it is done.

use std::path::Path;

use reprise_testkit::image::BUSYBOX_IMAGE;
use reprise_testkit::manifest::{Container, Pod};
use serde_json::{Value, json};

use crate::bench::marks::MOUNTED_AT;

/// Where Pods are.
pub const PODS: &str = "/api/v1/namespaces/default/pods";

/// Where Jobs are.
pub const JOB: &str = "/apis/batch/v1/namespaces/default/jobs";

/// What main says of each task.
pub const MARK: &str = "task";

const TAKE: &str = "echo item > /task/item";

/// One Pod for all tasks: whenever main has ended well, it begins anew.
pub fn recycling(name: &str, marks: &Path) -> Value {
    pod(name, marks, "Always", |main| main.policy("Always").restart_all_on(&[0]))
}

/// A Pod for one task.
pub fn single(name: &str, marks: &Path) -> Value {
    pod(name, marks, "Never", |main| main)
}

/// A Pod for each task, one after the other.
pub fn job(name: &str, tasks: u32, marks: &Path) -> Value {
    let spec = single(name, marks)["spec"].take();
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name },
        "spec": { "completions": tasks, "parallelism": 1, "template": { "spec": spec } },
    })
}

fn pod(name: &str, marks: &Path, policy: &str, rules: impl FnOnce(Container) -> Container) -> Value {
    let shell = |name: &str, script: &str| {
        let container = Container::of_image(name, BUSYBOX_IMAGE).field("command", json!(["/bin/sh", "-c", script]));
        container.mount("task", "/task")
    };
    let work = format!("read item < /task/item && echo {MARK} > {MOUNTED_AT}/marks");
    let main = rules(shell("main", &work).mount("bench", MOUNTED_AT));
    Pod::new(name)
        .policy(policy)
        .host_path("bench", marks)
        .empty_dir("task")
        .init(shell("take", TAKE))
        .container(main)
        .build()
}
