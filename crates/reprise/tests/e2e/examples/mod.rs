//! The examples, run as their READMEs say, offline.

mod readme;
mod task_worker;

use reprise_testkit::Node;

use self::readme::Reader;

#[test]
fn ml_worker_restarts_in_place_when_its_watcher_says_so() {
    let node = Node::new();
    Reader::new(&node).follow_all("examples/ml-worker/README.md");
}

#[test]
fn the_five_lines_of_the_readme_show_a_restart_in_place() {
    let node = Node::new();
    Reader::new(&node).follow_section("README.md", "## A Kubernetes API on one machine");
}

#[test]
fn clean_init_cleans_what_the_run_before_has_left() {
    let node = Node::new();
    Reader::new(&node).follow_all("examples/clean-init/README.md");
}

#[test]
fn stale_sidecar_takes_its_main_container_with_it() {
    let node = Node::new();
    Reader::new(&node).follow_all("examples/stale-sidecar/README.md");
}

#[test]
fn task_worker_does_item_after_item_in_one_pod() {
    let node = Node::new();
    Reader::new(&node).follow_all("examples/task-worker/README.md");
}
