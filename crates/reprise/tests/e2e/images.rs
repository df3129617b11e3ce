//! Images from archives and registries, and what a Pod shows when one can't be had.

// The same Debian registry that the image store is tested against.
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../images/tests/registry/server.rs"]
pub mod registry;

use std::path::Path;
use std::process::Command;

use registry::Registry;
use reprise_testkit::image::{Compression, TestImage};
use reprise_testkit::manifest::{Container, Pod};
use reprise_testkit::{Node, TESTLOAD_IMAGE};
use serde_json::{Value, json};

use crate::scene::{LIMIT, status};

/// Uploads the test workload as `name:tag`.
pub fn push(registry: &Registry, node: &Node, name: &str, tag: &str) {
    let folder = node.scratch().join("layout");
    std::fs::create_dir_all(&folder).unwrap();
    let archive = node.scratch().join("oci.tar");
    TestImage::testload().unwrap().write_oci_archive(&archive, Compression::Gzip).unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
    assert!(unpacked.success());
    let json = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let blob = |digest: &Value| folder.join("blobs").join(digest.as_str().unwrap().replace(':', "/"));
    let mut manifest = json(&blob(&json(&folder.join("index.json"))["manifests"][0]["digest"]));
    let parts: Vec<Value> =
        [&manifest["config"]].into_iter().chain(manifest["layers"].as_array().unwrap()).cloned().collect();
    for part in parts {
        registry.push_blob(name, &std::fs::read(blob(&part["digest"])).unwrap());
    }
    manifest["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
    registry.push_manifest(name, tag, &manifest);
}

fn pod_of(image: &str, policy: &str) -> Value {
    let main = Container::of_image("main", image)
        .field("imagePullPolicy", json!(policy))
        .field("args", json!(["print", "ran"]));
    Pod::new("p").container(main).build()
}

#[test]
fn an_image_is_pulled_from_a_registry_and_run() {
    let registry = Registry::start();
    let node = Node::new();
    push(&registry, &node, "team/work", "1");
    let image = format!("{}/team/work:1", registry.host());
    let finished = node.run(&[pod_of(&image, "IfNotPresent")]).arg("--events").arg("--keep").start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    assert_eq!(node.logs("p", "main", false), "ran\n");
    let messages: Vec<&str> = finished.all("Event").filter_map(|e| e.message.as_deref()).collect();
    let said = |start: &str| messages.iter().any(|m| m.starts_with(start));
    assert!(said(&format!("Pulling image \"{image}\"")) && said("Successfully pulled image"), "{messages:#?}");
    let listed = node.verb(&["image", "ls"]).ok().stdout;
    assert!(listed.contains("team/work"), "{listed}");
}

#[test]
fn an_image_that_is_there_is_not_pulled_again_unless_always() {
    let registry = Registry::start();
    let node = Node::new();
    push(&registry, &node, "work", "1");
    let image = format!("{}/work:1", registry.host());
    let _ = node.verb(&["image", "pull", &image]).ok();
    drop(registry);
    let finished = node.run(&[pod_of(&image, "IfNotPresent")]).start().finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    let mut run = node.run(&[pod_of(&image, "Always")]).start();
    run.wait_for("the failed pull", LIMIT, |e| e.is("ImageFailed"));
    drop(run.interrupt(LIMIT));
}

#[test]
fn a_pull_that_fails_backs_off_and_goes_on_when_the_image_is_there() {
    let registry = Registry::start();
    let node = Node::new();
    let image = format!("{}/late:1", registry.host());
    let mut run = node.run(&[pod_of(&image, "IfNotPresent")]).arg("--restart-backoff").arg("500ms..1s").start();
    let failed = run.wait_for("the failed pull", LIMIT, |e| e.is("ImageFailed"));
    assert!(failed.message.as_deref().is_some_and(|m| m.contains("late")), "{failed:?}");
    let waiting = || {
        let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
        status(&pod, "main")["state"]["waiting"]["reason"].as_str().map(str::to_owned)
    };
    assert!(matches!(waiting().as_deref(), Some("ErrImagePull" | "ImagePullBackOff")));
    run.wait_for("the second failed pull", LIMIT, |e| e.is("ImageFailed"));
    assert_eq!(waiting().as_deref(), Some("ImagePullBackOff"));
    push(&registry, &node, "late", "1");
    let finished = run.finish(LIMIT);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
}

#[test]
fn an_image_that_may_not_be_pulled_is_waited_for() {
    let node = Node::new();
    let mut run =
        node.run(&[pod_of("reprise.test/testload:1", "Never")]).arg("--restart-backoff").arg("300ms..1s").start();
    run.wait_for("the missing image", LIMIT, |e| e.is("ImageFailed"));
    let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
    assert_eq!(status(&pod, "main")["state"]["waiting"]["reason"], "ErrImageNeverPull");
    node.import(&TestImage::testload().unwrap());
    let finished = run.finish(LIMIT);
    assert_eq!(finished.code, Some(0), "an import makes it go on: {finished:#?}");
}

#[test]
fn a_name_that_is_none_is_told() {
    let node = Node::new();
    let mut run = node.run(&[pod_of("Not A Name", "IfNotPresent")]).start();
    run.wait_for("the refusal", LIMIT, |e| e.is("ImageFailed"));
    let pod = node.verb(&["ps", "-o", "json"]).ok().json()[0].clone();
    assert_eq!(status(&pod, "main")["state"]["waiting"]["reason"], "InvalidImageName");
    drop(run.interrupt(LIMIT));
}

#[test]
fn archives_of_both_kinds_are_imported_and_images_in_use_stay() {
    let node = Node::new();
    let archive = node.scratch().join("image.tar");
    TestImage::testload().unwrap().write_oci_archive(&archive, Compression::Gzip).unwrap();
    let _ = node.verb(&["image", "import", archive.to_str().unwrap()]).ok();
    let inspected = node.verb(&["image", "inspect", TESTLOAD_IMAGE, "-o", "json"]).ok().stdout;
    assert!(inspected.contains("/testload"), "{inspected}");
    let main = Container::new("main", &["forever"]);
    let mut run = node.run(&[Pod::new("p").container(main).build()]).start();
    run.wait_for("Ready", LIMIT, |e| e.is("PodReady"));
    let _ = node.verb(&["image", "rm", TESTLOAD_IMAGE]);
    let answer = node.exec("p", "main", &["/testload", "print", "still here"]).ok();
    assert_eq!(answer.stdout, "still here\n");
    drop(run.interrupt(LIMIT));
}
