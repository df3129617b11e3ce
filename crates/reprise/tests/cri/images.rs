//! Images: pulled, found, listed, removed, and the room they take.

// The same Debian registry that the image store is tested against.
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../images/tests/registry/server.rs"]
mod registry;

use std::path::Path;
use std::process::Command;

use registry::{Kind, PASSWORD, Registry, USER};
use reprise_cri::v1::*;
use reprise_testkit::TESTLOAD_IMAGE;
use reprise_testkit::image::{Compression, TestImage};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::case::cases;
use crate::requests::{With, image};
use crate::scene::Scene;

cases![
    an_image_is_pulled_by_tag_and_runs,
    a_name_without_a_tag_means_latest,
    an_image_is_pulled_by_digest,
    a_pull_needs_the_right_password,
    an_image_that_is_not_there_is_not_found,
    a_registry_that_is_away_is_an_error,
    a_name_that_is_none_is_refused,
    pulling_again_is_fine_and_a_tag_that_moved_is_followed,
    an_image_is_found_by_all_its_names_and_one_that_is_not_there_by_none,
    images_are_listed_once_each_and_by_name,
    a_list_is_streamed,
    a_removed_image_is_gone_under_all_its_names,
    containers_outlive_their_images_names,
    the_room_that_images_take_is_known,
    what_an_image_says_of_its_user_is_shown,
    pulls_of_one_image_at_once_all_succeed,
];

/// Uploads an image as `name:tag`; the digest of its manifest.
fn push(registry: &Registry, scene: &Scene, name: &str, tag: &str, image: &TestImage) -> String {
    let folder = scene.folder(&format!("layout-{tag}"));
    let archive = scene.scratch().join(format!("oci-{tag}.tar"));
    image.write_oci_archive(&archive, Compression::Gzip).unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
    assert!(unpacked.success());
    let json = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let blob = |digest: &Value| folder.join("blobs").join(digest.as_str().unwrap().replace(':', "/"));
    let mut manifest = json(&blob(&json(&folder.join("index.json"))["manifests"][0]["digest"]));
    for part in [&manifest["config"]].into_iter().chain(manifest["layers"].as_array().unwrap()) {
        registry.push_blob(name, &std::fs::read(blob(&part["digest"])).unwrap());
    }
    manifest["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
    registry.push_manifest(name, tag, &manifest).to_string()
}

/// The workload with something of its own, so that it is another image than all others.
fn workload(scene: &Scene, mark: &str) -> TestImage {
    let own = format!("{mark} {}", scene.scratch().display());
    TestImage::testload().unwrap().next_layer().file("mark", 0o644, own)
}

async fn pull_with(scene: &Scene, name: &str, auth: Option<AuthConfig>) -> Result<String, Status> {
    let request = PullImageRequest { image: image(name), auth, sandbox_config: None };
    Ok(scene.images().pull_image(request).await?.into_inner().image_ref)
}

async fn pull(scene: &Scene, name: &str) -> Result<String, Status> {
    pull_with(scene, name, None).await
}

async fn find(scene: &Scene, name: &str) -> Option<Image> {
    let request = ImageStatusRequest { image: image(name), verbose: false };
    scene.images().image_status(request).await.unwrap().into_inner().image
}

async fn remove(scene: &Scene, name: &str) -> Result<(), Status> {
    scene.images().remove_image(RemoveImageRequest { image: image(name) }).await.map(drop)
}

async fn list(scene: &Scene, name: &str) -> Vec<Image> {
    let filter = (!name.is_empty()).then(|| ImageFilter { image: image(name) });
    scene.images().list_images(ListImagesRequest { filter }).await.unwrap().into_inner().images
}

async fn an_image_is_pulled_by_tag_and_runs(scene: &Scene) {
    let registry = Registry::start();
    let digest = push(&registry, scene, "team/work", "1", &workload(scene, "by tag"));
    let name = format!("{}/team/work:1", registry.host());
    assert!(find(scene, &name).await.is_none());
    let reference = pull(scene, &name).await.unwrap();
    let found = find(scene, &name).await.expect("it is there");
    assert_eq!(found.repo_tags, [name.as_str()]);
    assert_eq!(found.repo_digests, [format!("{}/team/work@{digest}", registry.host())]);
    assert!(found.id.starts_with("sha256:") && found.size > 0);
    assert!(find(scene, &reference).await.is_some_and(|image| image.id == found.id), "{reference}");
    let pod = scene.pod().await;
    let config = scene.container("main", &["print", "pulled"]).with(|config| config.image = image(&name));
    assert_eq!(scene.report(&pod, config).await, "pulled\n");
    let by_reference = scene.container("again", &["print", "found"]).with(|config| config.image = image(&reference));
    assert_eq!(scene.report(&pod, by_reference).await, "found\n");
    remove(scene, &name).await.unwrap();
}

async fn a_name_without_a_tag_means_latest(scene: &Scene) {
    let registry = Registry::start();
    push(&registry, scene, "work", "latest", &workload(scene, "latest"));
    let name = format!("{}/work", registry.host());
    pull(scene, &name).await.unwrap();
    let found = find(scene, &name).await.expect("it is there");
    assert_eq!(found.repo_tags, [format!("{name}:latest")]);
    remove(scene, &name).await.unwrap();
    assert!(find(scene, &format!("{name}:latest")).await.is_none());
}

async fn an_image_is_pulled_by_digest(scene: &Scene) {
    let registry = Registry::start();
    let digest = push(&registry, scene, "work", "1", &workload(scene, "by digest"));
    let name = format!("{}/work@{digest}", registry.host());
    pull(scene, &name).await.unwrap();
    let found = find(scene, &name).await.expect("it is there");
    assert_eq!((found.repo_digests.as_slice(), found.repo_tags.len()), (&[name.clone()][..], 0));
    let pod = scene.pod().await;
    let config = scene.container("main", &["print", "pulled"]).with(|config| config.image = image(&name));
    assert_eq!(scene.report(&pod, config).await, "pulled\n");
    let wrong = format!("{}/work@sha256:{}", registry.host(), "1".repeat(64));
    assert_eq!(pull(scene, &wrong).await.unwrap_err().code(), Code::NotFound);
    remove(scene, &name).await.unwrap();
}

async fn a_pull_needs_the_right_password(scene: &Scene) {
    let registry = Registry::start_as(Kind::Protected);
    push(&registry, scene, "work", "1", &workload(scene, "secret"));
    let name = format!("{}/work:1", registry.host());
    let login =
        |password: &str| Some(AuthConfig { username: USER.into(), password: password.into(), ..AuthConfig::default() });
    for auth in [None, login("not-the-secret")] {
        let refused = pull_with(scene, &name, auth).await.unwrap_err();
        let expected = if scene.differs("images::unauthorized") { Code::Unknown } else { Code::Unauthenticated };
        assert_eq!(refused.code(), expected, "{refused}");
        assert!(!refused.message().contains("not-the-secret"), "{refused}");
    }
    assert!(find(scene, &name).await.is_none());
    pull_with(scene, &name, login(PASSWORD)).await.unwrap();
    remove(scene, &name).await.unwrap();
}

async fn an_image_that_is_not_there_is_not_found(scene: &Scene) {
    let registry = Registry::start();
    let name = format!("{}/no/such:1", registry.host());
    let refused = pull(scene, &name).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(refused.message().contains("no/such"), "{refused}");
}

async fn a_registry_that_is_away_is_an_error(scene: &Scene) {
    let refused = pull(scene, "127.0.0.1:1/work:1").await.unwrap_err();
    let expected = if scene.differs("images::unreachable") { Code::Unknown } else { Code::Unavailable };
    assert_eq!(refused.code(), expected, "{refused}");
}

async fn a_name_that_is_none_is_refused(scene: &Scene) {
    for name in ["Not A Name", ""] {
        let refused = pull(scene, name).await.unwrap_err();
        let expected = if scene.differs("images::bad-name") { Code::Unknown } else { Code::InvalidArgument };
        assert_eq!(refused.code(), expected, "{name:?}: {refused}");
    }
}

async fn pulling_again_is_fine_and_a_tag_that_moved_is_followed(scene: &Scene) {
    let registry = Registry::start();
    push(&registry, scene, "work", "1", &workload(scene, "first"));
    let name = format!("{}/work:1", registry.host());
    let first = pull(scene, &name).await.unwrap();
    assert_eq!(pull(scene, &name).await.unwrap(), first);
    push(&registry, scene, "work", "1", &workload(scene, "second"));
    let second = pull(scene, &name).await.unwrap();
    assert_ne!(second, first);
    let found = find(scene, &name).await.unwrap();
    assert_eq!(find(scene, &second).await.unwrap().id, found.id);
    remove(scene, &name).await.unwrap();
    remove(scene, &first).await.unwrap();
}

async fn an_image_is_found_by_all_its_names_and_one_that_is_not_there_by_none(scene: &Scene) {
    let by_tag = find(scene, TESTLOAD_IMAGE).await.expect("by its tag");
    for name in by_tag.repo_tags.iter().chain(&by_tag.repo_digests).chain([&by_tag.id]) {
        assert_eq!(find(scene, name).await.map(|image| image.id), Some(by_tag.id.clone()), "{name}");
    }
    assert!(find(scene, "reprise.test/never:1").await.is_none());
    let empty = scene.images().image_status(ImageStatusRequest::default()).await.unwrap_err();
    let expected = if scene.differs("images::bad-name") { Code::Unknown } else { Code::InvalidArgument };
    assert_eq!(empty.code(), expected, "{empty}");
    let verbose = ImageStatusRequest { image: image(TESTLOAD_IMAGE), verbose: true };
    let info = scene.images().image_status(verbose).await.unwrap().into_inner().info;
    assert!(info.contains_key("info"), "{info:?}");
}

async fn images_are_listed_once_each_and_by_name(scene: &Scene) {
    let name = "reprise.test/second-name:1";
    scene.import(&TestImage::testload().unwrap(), name).await;
    let both = find(scene, TESTLOAD_IMAGE).await.unwrap();
    assert!(both.repo_tags.iter().any(|tag| tag == name), "two names of one image: {:?}", both.repo_tags);
    let all = list(scene, "").await;
    assert_eq!(all.iter().filter(|image| image.id == both.id).count(), 1);
    if scene.differs("images::list-filter") {
        return;
    }
    let one = list(scene, name).await;
    assert_eq!(one.iter().map(|image| &image.id).collect::<Vec<_>>(), [&both.id]);
    assert!(list(scene, "reprise.test/never:1").await.is_empty());
}

async fn a_list_is_streamed(scene: &Scene) {
    let mut stream = scene.images().stream_images(StreamImagesRequest { filter: None }).await.unwrap().into_inner();
    let mut streamed = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        streamed.extend(piece.images);
    }
    assert_eq!(streamed, list(scene, "").await);
}

async fn a_removed_image_is_gone_under_all_its_names(scene: &Scene) {
    let names = ["reprise.test/to-remove:1", "reprise.test/to-remove:2"];
    for name in names {
        scene.import(&workload(scene, "removed"), name).await;
    }
    for _ in 0..2 {
        remove(scene, names[0]).await.unwrap();
    }
    for name in names {
        assert!(find(scene, name).await.is_none(), "CRI removes images, not names: {name}");
    }
    remove(scene, "reprise.test/never:1").await.unwrap();
}

async fn containers_outlive_their_images_names(scene: &Scene) {
    let name = "reprise.test/in-use:1";
    scene.import(&workload(scene, "in use"), name).await;
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| config.image = image(name));
    let id = scene.run(&pod, config).await;
    remove(scene, name).await.unwrap();
    assert!(scene.exec(&id, &["cat", "/mark"]).await.starts_with("in use"));
    assert_eq!(scene.status(&id).await.state(), ContainerState::ContainerRunning);
}

async fn the_room_that_images_take_is_known(scene: &Scene) {
    let answer = scene.images().image_fs_info(ImageFsInfoRequest {}).await.unwrap().into_inner();
    let [usage] = answer.image_filesystems.as_slice() else { panic!("{answer:?}") };
    assert!(Path::new(&usage.fs_id.as_ref().unwrap().mountpoint).is_dir(), "{usage:?}");
    assert!(usage.timestamp > 0 && usage.inodes_used.as_ref().unwrap().value > 0, "{usage:?}");
    let size = find(scene, TESTLOAD_IMAGE).await.unwrap().size;
    assert!(usage.used_bytes.as_ref().unwrap().value >= size / 2, "{usage:?}");
}

async fn what_an_image_says_of_its_user_is_shown(scene: &Scene) {
    for (user, uid, username) in [("1000", Some(1000), ""), ("tester:extra", None, "tester"), ("", None, "")] {
        let name = format!("reprise.test/shown:of-{}", user.replace(':', "-"));
        scene.import(&TestImage::testload().unwrap().config("User", json!(user)), &name).await;
        let found = find(scene, &name).await.unwrap();
        let shown = found.uid.map(|uid| uid.value);
        assert!(shown == uid || (user.is_empty() && shown == Some(0)), "{user:?}: {shown:?}");
        assert_eq!(found.username, username, "{user:?}");
    }
}

async fn pulls_of_one_image_at_once_all_succeed(scene: &Scene) {
    let registry = Registry::start();
    push(&registry, scene, "work", "1", &workload(scene, "at once"));
    let name = format!("{}/work:1", registry.host());
    let pulls = futures::future::join_all((0..5).map(|_| pull(scene, &name))).await;
    let references: Vec<String> = pulls.into_iter().map(Result::unwrap).collect();
    assert!(references.iter().all(|reference| *reference == references[0]), "{references:?}");
    remove(scene, &name).await.unwrap();
}
