//! Folders and files of the host in containers.

use std::path::{Path, PathBuf};
use std::process::Command;

use reprise_cri::v1::*;

use crate::case::cases;
use crate::requests::{With, mount};
use crate::scene::Scene;

cases![
    folders_and_files_are_shared_with_the_host,
    a_read_only_mount_can_not_be_written_to,
    read_only_does_not_reach_mounts_below_unless_recursive,
    a_mount_below_another_is_made_after_it,
    mounts_come_from_the_host_later_if_asked_for,
    mounts_go_to_the_host_if_asked_for,
    propagation_needs_a_shared_mount,
    a_source_that_is_not_there_is_made,
    a_mount_may_be_where_nothing_was,
    a_link_as_source_is_followed_on_the_host,
];

/// A tmpfs of the test on the host, shared as Pods' propagation needs it. Unmounted when dropped.
struct Shared(PathBuf);

impl Shared {
    fn new(scene: &Scene) -> Self {
        let folder = scene.folder("mount");
        run("mount", &["-t", "tmpfs", "tmpfs", folder.to_str().unwrap()]);
        run("mount", &["--make-rshared", folder.to_str().unwrap()]);
        Self(folder)
    }

    fn mount_below(&self, name: &str) -> PathBuf {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        run("mount", &["-t", "tmpfs", "tmpfs", folder.to_str().unwrap()]);
        folder
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        run("umount", &["--recursive", self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success() || std::thread::panicking(), "{program} {arguments:?}");
}

async fn folders_and_files_are_shared_with_the_host(scene: &Scene) {
    let folder = scene.folder("data");
    let file = folder.join("file");
    std::fs::write(&file, "from the host\n").unwrap();
    let pod = scene.pod().await;
    let config = scene.container("main", &["cat", "/file", "append", "/data/file", "from inside"]);
    let config = config.with(|config| config.mounts.extend([mount(&folder, "/data"), mount(&file, "/file")]));
    assert_eq!(scene.report(&pod, config).await, "from the host\n");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "from the host\nfrom inside\n");
}

async fn a_read_only_mount_can_not_be_written_to(scene: &Scene) {
    let folder = scene.folder("data");
    let pod = scene.pod().await;
    let config = scene.container("main", &["try-write", "/data/file", "ls", "/data"]);
    let read_only = mount(&folder, "/data").with(|mount| mount.readonly = true);
    let seen = scene.report(&pod, config.with(|config| config.mounts.push(read_only))).await;
    assert_eq!(seen, "try-write /data/file: Read-only file system (os error 30)\n");
}

async fn read_only_does_not_reach_mounts_below_unless_recursive(scene: &Scene) {
    let shared = Shared::new(scene);
    shared.mount_below("below");
    let pod = scene.pod().await;
    let seen = async |name: &str, recursive_read_only: bool| {
        let read_only = mount(&shared.0, "/data").with(|mount| {
            mount.readonly = true;
            mount.recursive_read_only = recursive_read_only;
        });
        let config = scene.container(name, &["try-write", "/data/file", "try-write", "/data/below/file"]);
        scene.report(&pod, config.with(|config| config.mounts.push(read_only))).await
    };
    let refused = "Read-only file system (os error 30)";
    let plain = seen("plain", false).await;
    assert_eq!(plain, format!("try-write /data/file: {refused}\ntry-write /data/below/file: ok\n"));
    if !scene.differs("mounts::recursive-read-only") {
        let recursive = seen("recursive", true).await;
        assert_eq!(recursive, format!("try-write /data/file: {refused}\ntry-write /data/below/file: {refused}\n"));
        let writable = mount(&shared.0, "/data").with(|mount| mount.recursive_read_only = true);
        let config = scene.container("not-read-only", &[]).with(|config| config.mounts.push(writable));
        assert!(scene.try_create(&pod, config).await.is_err(), "recursive read-only means read-only");
    }
    scene.stop_pod(&pod.id).await.unwrap();
}

async fn a_mount_below_another_is_made_after_it(scene: &Scene) {
    let (outer, inner) = (scene.folder("outer"), scene.folder("inner"));
    std::fs::create_dir_all(outer.join("in")).unwrap();
    std::fs::write(inner.join("file"), "inner\n").unwrap();
    let pod = scene.pod().await;
    let config = scene.container("main", &["cat", "/data/in/file"]);
    let config = config.with(|config| config.mounts.extend([mount(&inner, "/data/in"), mount(&outer, "/data")]));
    assert_eq!(scene.report(&pod, config).await, "inner\n");
}

fn with_propagation(folder: &Path, propagation: MountPropagation) -> Mount {
    mount(folder, "/data").with(|mount| mount.propagation = propagation.into())
}

async fn mounts_come_from_the_host_later_if_asked_for(scene: &Scene) {
    let shared = Shared::new(scene);
    let pod = scene.pod().await;
    let mut ids = Vec::new();
    for (name, propagation) in
        [("private", MountPropagation::PropagationPrivate), ("slave", MountPropagation::PropagationHostToContainer)]
    {
        let config = scene.container(name, &["forever"]);
        let config = config.with(|config| config.mounts.push(with_propagation(&shared.0, propagation)));
        ids.push(scene.run(&pod, config).await);
    }
    std::fs::write(shared.mount_below("later").join("file"), "").unwrap();
    let seen = async |id: &str| scene.exec(id, &["ls", "/data/later"]).await;
    assert_eq!((seen(&ids[0]).await.as_str(), seen(&ids[1]).await.as_str()), ("", "file\n"));
    scene.stop_pod(&pod.id).await.unwrap();
}

async fn mounts_go_to_the_host_if_asked_for(scene: &Scene) {
    use crate::requests::{ContainerParts, SandboxParts};
    let shared = Shared::new(scene);
    std::fs::create_dir_all(shared.0.join("made")).unwrap();
    let pod = scene.pod_of(scene.pod_config("pod").with(|pod| pod.security().privileged = true)).await;
    let config = scene.container("main", &["try-mount", "/data/made", "touch", "/data/made/file"]);
    let config = config.with(|config| {
        config.security().privileged = true;
        config.mounts.push(with_propagation(&shared.0, MountPropagation::PropagationBidirectional));
    });
    assert_eq!(scene.report(&pod, config).await, "try-mount /data/made: ok\n");
    assert!(shared.0.join("made/file").exists(), "the host has the container's mount");
    scene.stop_pod(&pod.id).await.unwrap();
}

async fn propagation_needs_a_shared_mount(scene: &Scene) {
    let folder = scene.folder("private");
    run("mount", &["-t", "tmpfs", "tmpfs", folder.to_str().unwrap()]);
    run("mount", &["--make-rprivate", folder.to_str().unwrap()]);
    let pod = scene.pod().await;
    for (name, propagation) in [
        ("slave", MountPropagation::PropagationHostToContainer),
        ("shared", MountPropagation::PropagationBidirectional),
    ] {
        let config = scene.container(name, &["exit", "0"]);
        let config = config.with(|config| config.mounts.push(with_propagation(&folder, propagation)));
        let refused = scene.try_create(&pod, config).await.unwrap_err();
        assert!(refused.message().contains("shared"), "{refused}");
    }
    scene.stop_pod(&pod.id).await.unwrap();
    run("umount", &[folder.to_str().unwrap()]);
}

async fn a_source_that_is_not_there_is_made(scene: &Scene) {
    let pod = scene.pod().await;
    let missing = scene.scratch().join("not/there");
    let config = scene.container("main", &["write", "/data/file", "text"]);
    scene.report(&pod, config.with(|config| config.mounts.push(mount(&missing, "/data")))).await;
    assert_eq!(std::fs::read_to_string(missing.join("file")).unwrap(), "text\n");
}

async fn a_mount_may_be_where_nothing_was(scene: &Scene) {
    let folder = scene.folder("data");
    std::fs::write(folder.join("file"), "text\n").unwrap();
    let pod = scene.pod().await;
    let config = scene.container("main", &["cat", "/a/new/place/file", "cat", "/a/new/file"]);
    let mounts = [mount(&folder, "/a/new/place"), mount(&folder.join("file"), "/a/new/file")];
    assert_eq!(scene.report(&pod, config.with(|config| config.mounts.extend(mounts))).await, "text\ntext\n");
}

async fn a_link_as_source_is_followed_on_the_host(scene: &Scene) {
    let folder = scene.folder("data");
    std::fs::write(folder.join("file"), "text\n").unwrap();
    let link = scene.scratch().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    let pod = scene.pod().await;
    let config = scene.container("main", &["cat", "/data/file"]);
    assert_eq!(scene.report(&pod, config.with(|config| config.mounts.push(mount(&link, "/data")))).await, "text\n");
}
