//! What the machine refuses is said with what to do about it; nothing is left half done.

use std::process::Command;

use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, reprise_path};

use crate::scene::{LIMIT, container, pod};

/// A link with an address of its own; removed when dropped.
struct Link(String);

impl Link {
    fn with_address(name: &str, address: &str) -> Self {
        let link = Self(name.to_owned());
        ip(&["link", "add", name, "type", "bridge"]);
        ip(&["addr", "add", address, "dev", name]);
        ip(&["link", "set", name, "up"]);
        link
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        Command::new("ip").args(["link", "del", &self.0]).status().ok();
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {arguments:?}");
}

fn simple(node: &Node) -> serde_json::Value {
    pod(node, "p").container(container("main", &[])).build()
}

#[test]
fn an_address_range_that_is_in_use_is_named_with_who_uses_it() {
    let node = Node::with_testload();
    let address = node.subnet().replace(".0/24", ".129/25");
    let link = Link::with_address(&node.bridge().replace("rptest", "rpother"), &address);
    let finished = node.run(&[simple(&node)]).start().finish(LIMIT);
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains(&link.0) && finished.stderr.contains("--subnet"), "{}", finished.stderr);
}

#[test]
fn a_second_agent_on_a_data_folder_is_refused() {
    let node = Node::with_testload();
    let mut first = node.run(&[pod(&node, "a").container(container("main", &["forever"])).build()]).start();
    first.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    let second = node.run(&[simple(&node)]).start().finish(LIMIT);
    assert_eq!(second.code, Some(1), "{second:#?}");
    assert!(
        second.stderr.contains(&first.pid().to_string()) && second.stderr.contains("--data-dir"),
        "{}",
        second.stderr
    );
    drop(first.interrupt(LIMIT));
}

#[test]
fn two_nodes_run_side_by_side() {
    let (one, two) = (Node::with_testload(), Node::with_testload());
    let start = |node: &Node| {
        let mut run = node.run(&[pod(node, "p").container(container("main", &["forever"])).build()]).start();
        run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
        run
    };
    let (first, second) = (start(&one), start(&two));
    drop(first.interrupt(LIMIT));
    let still = two.verb(&["ps", "-o", "json"]).ok().json();
    assert_eq!(still[0]["phase"], "Running");
    drop(second.interrupt(LIMIT));
}

#[test]
fn without_root_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("reprise");
    std::fs::copy(reprise_path(), &program).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let manifest = folder.path().join("p.json");
    std::fs::write(&manifest, Pod::new("p").container(Container::new("main", &[])).build().to_string()).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["--data-dir", "/tmp/reprise-no-root", "run"])
        .arg(&manifest)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("root"), "{stderr}");
    std::fs::remove_dir_all("/tmp/reprise-no-root").ok();
}
