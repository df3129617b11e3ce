//! What the program may do: capabilities, privileges, hidden and read-only paths.

use reprise_cri::v1::*;

use crate::case::cases;
use crate::requests::{ContainerParts, SandboxParts, With, strings};
use crate::scene::Scene;

cases![
    the_usual_capabilities_are_given,
    capabilities_are_added_and_dropped,
    all_can_be_dropped_and_some_added_again,
    a_user_that_is_not_root_has_none,
    unknown_capabilities_are_refused,
    no_new_privileges_is_set_when_asked_for,
    a_privileged_container_may_do_all_and_sees_the_hosts_devices,
    a_privileged_container_needs_a_privileged_sandbox,
    masked_paths_are_hidden_and_readonly_paths_are_kept_from_writing,
    the_root_may_be_read_only,
    without_the_capability_nothing_is_mounted_and_no_device_made,
];

/// The usual 14.
const USUAL: &str = "00000000a80425fb";
const NONE: &str = "0000000000000000";

fn set(report: &str, name: &str) -> String {
    report.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap().to_owned()
}

async fn report(scene: &Scene, steps: &[&str], change: impl FnOnce(&mut LinuxContainerSecurityContext)) -> String {
    let pod = scene.pod().await;
    scene.report(&pod, scene.container("main", steps).with(|config| change(config.security()))).await
}

fn capability(add: &[&str], drop: &[&str]) -> Option<Capability> {
    Some(Capability { add_capabilities: strings(add), drop_capabilities: strings(drop), ..Capability::default() })
}

async fn the_usual_capabilities_are_given(scene: &Scene) {
    let seen = report(scene, &["caps"], |_| {}).await;
    for name in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(set(&seen, name), USUAL, "{name}");
    }
    assert_eq!((set(&seen, "CapAmb"), set(&seen, "CapInh")), (NONE.to_owned(), NONE.to_owned()));
}

async fn capabilities_are_added_and_dropped(scene: &Scene) {
    // NET_ADMIN is number 12, CHOWN 0.
    let seen = report(scene, &["caps", "try-chown", "/etc/passwd"], |security| {
        security.capabilities = capability(&["NET_ADMIN"], &["CHOWN"]);
    })
    .await;
    assert_eq!(set(&seen, "CapEff"), "00000000a80435fa");
    assert_eq!(set(&seen, "CapBnd"), "00000000a80435fa");
    assert!(seen.contains("try-chown /etc/passwd: Operation not permitted"), "{seen}");
}

async fn all_can_be_dropped_and_some_added_again(scene: &Scene) {
    let of = |add: &'static [&str], drop: &'static [&str]| {
        move |security: &mut LinuxContainerSecurityContext| security.capabilities = capability(add, drop)
    };
    let seen = report(scene, &["caps"], of(&[], &["ALL"])).await;
    assert_eq!((set(&seen, "CapEff"), set(&seen, "CapBnd")), (NONE.into(), NONE.into()));
    // CHOWN and KILL.
    let seen = report(scene, &["caps"], of(&["CHOWN", "KILL"], &["ALL"])).await;
    assert_eq!(set(&seen, "CapEff"), "0000000000000021");
    let seen = report(scene, &["caps"], of(&["ALL"], &["NET_RAW"])).await;
    assert_eq!(set(&seen, "CapEff"), format!("{:016x}", all_of_host() & !(1 << 13)));
}

/// What this test may hand on: the bounding set of the runtime is its own.
fn all_of_host() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    u64::from_str_radix(status.lines().find_map(|line| line.strip_prefix("CapBnd:\t")).unwrap(), 16).unwrap()
}

async fn a_user_that_is_not_root_has_none(scene: &Scene) {
    let seen = report(scene, &["caps"], |security| security.run_as_user = Some(Int64Value { value: 1000 })).await;
    assert_eq!((set(&seen, "CapEff"), set(&seen, "CapPrm")), (NONE.into(), NONE.into()));
    assert_eq!(set(&seen, "CapBnd"), USUAL);
}

async fn unknown_capabilities_are_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &[]).with(|c| c.security().capabilities = capability(&["FLY"], &[]));
    match scene.try_create(&pod, config).await {
        Err(refused) => assert!(refused.message().contains("FLY"), "{refused}"),
        Ok(_) => assert!(scene.differs("privileges::unknown-capability")),
    }
}

async fn no_new_privileges_is_set_when_asked_for(scene: &Scene) {
    assert_eq!(report(scene, &["nnp"], |_| {}).await, "NoNewPrivs 0\n");
    assert_eq!(report(scene, &["nnp"], |security| security.no_new_privs = true).await, "NoNewPrivs 1\n");
}

async fn a_privileged_container_may_do_all_and_sees_the_hosts_devices(scene: &Scene) {
    let pod = scene.pod_of(scene.pod_config("pod").with(|pod| pod.security().privileged = true)).await;
    let steps = [
        "caps",
        "try-mount",
        "/tmp",
        "try-mknod",
        "/device",
        "ls",
        "/dev",
        "mounts",
        "try-write",
        "/proc/sys/vm/swappiness2",
    ];
    let config = scene.container("main", &steps).with(|config| {
        config.security().privileged = true;
        config.security().masked_paths = strings(&["/proc/kcore"]);
        config.security().readonly_paths = strings(&["/proc/sys"]);
    });
    let seen = scene.report(&pod, config).await;
    assert_eq!(set(&seen, "CapEff"), format!("{:016x}", all_of_host()));
    assert!(seen.contains("try-mount /tmp: ok") && seen.contains("try-mknod /device: ok"), "{seen}");
    assert!(seen.lines().any(|line| line == "kmsg" || line == "loop-control" || line == "vda"), "{seen}");
    assert!(!seen.contains("/proc/kcore") && !seen.contains("/proc/sys proc"), "nothing is hidden: {seen}");
    let sys = seen.lines().find(|line| line.starts_with("/sys sysfs")).unwrap();
    assert!(sys.contains("rw"), "{sys}");
}

async fn a_privileged_container_needs_a_privileged_sandbox(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &[]).with(|config| config.security().privileged = true);
    let refused = scene.try_create(&pod, config).await.unwrap_err();
    assert!(refused.message().contains("privileged"), "{refused}");
}

async fn masked_paths_are_hidden_and_readonly_paths_are_kept_from_writing(scene: &Scene) {
    let steps = ["cat", "/etc/passwd", "ls", "/tmp", "try-write", "/etc/group", "mounts"];
    let seen = report(scene, &steps, |security| {
        security.masked_paths = strings(&["/etc/passwd", "/tmp", "/not/there"]);
        security.readonly_paths = strings(&["/etc/group", "/proc/sys", "/not/there/either"]);
    })
    .await;
    assert!(seen.starts_with("try-write /etc/group: Read-only file system"), "hidden ones are empty: {seen}");
    let sys = seen.lines().find(|line| line.starts_with("/proc/sys proc")).unwrap_or_default();
    assert!(sys.contains(" ro"), "{seen}");
}

async fn the_root_may_be_read_only(scene: &Scene) {
    let folder = scene.folder("data");
    let pod = scene.pod().await;
    let steps = ["try-write", "/file", "try-write", "/etc/hostname", "try-write", "/dev/shm/f", "try-write", "/data/f"];
    let config = scene.container("main", &steps).with(|config| {
        config.security().readonly_rootfs = true;
        config.mounts.push(crate::requests::mount(&folder, "/data"));
    });
    let seen = scene.report(&pod, config).await;
    let refused = "Read-only file system (os error 30)";
    let expected = format!(
        "try-write /file: {refused}\ntry-write /etc/hostname: {refused}\ntry-write /dev/shm/f: ok\ntry-write /data/f: ok\n"
    );
    assert_eq!(seen, expected);
}

async fn without_the_capability_nothing_is_mounted_and_no_device_made(scene: &Scene) {
    let steps = ["try-mount", "/tmp", "try-mknod", "/device"];
    let seen = report(scene, &steps, |security| security.capabilities = capability(&[], &["MKNOD"])).await;
    let refused = "Operation not permitted (os error 1)";
    assert_eq!(seen, format!("try-mount /tmp: {refused}\ntry-mknod /device: {refused}\n"));
}
