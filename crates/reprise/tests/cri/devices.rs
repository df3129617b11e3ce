//! Devices of the host.

use reprise_cri::v1::Device;

use crate::case::cases;
use crate::requests::With;
use crate::scene::Scene;

cases![
    a_container_has_the_harmless_devices_and_no_others,
    a_device_is_there_with_what_may_be_done_to_it,
    a_device_that_is_not_there_is_refused,
];

async fn a_container_has_the_harmless_devices_and_no_others(scene: &Scene) {
    let pod = scene.pod().await;
    let steps = ["try-read", "/dev/zero", "try-read", "/dev/urandom", "try-write", "/dev/null", "ls", "/dev"];
    let seen = scene.report_of(&pod, &steps).await;
    let expected = "try-read /dev/zero: ok\ntry-read /dev/urandom: ok\ntry-write /dev/null: ok\n";
    assert!(seen.starts_with(expected), "{seen}");
    let names: Vec<&str> = seen.lines().skip(3).collect();
    for name in
        ["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(!names.contains(&"kmsg") && !names.contains(&"vda"), "{names:?}");
}

/// A device that every Linux has, that no container has by itself, and of which opening does nothing. What is read or
/// written is of no interest here.
const HARMLESS: &str = "/dev/loop-control";

fn device(host: &str, container: &str, permissions: &str) -> Device {
    Device { host_path: host.into(), container_path: container.into(), permissions: permissions.into() }
}

async fn a_device_is_there_with_what_may_be_done_to_it(scene: &Scene) {
    let pod = scene.pod().await;
    let of = |name: &str, permissions: &str, steps: &[&str]| {
        let config = scene.container(name, steps);
        config.with(|config| config.devices.push(device(HARMLESS, "/dev/own", permissions)))
    };
    let steps = ["try-read", "/dev/own", "ls", "/dev"];
    let seen = scene.report(&pod, of("all", "rwm", &steps)).await;
    assert!(seen.lines().any(|line| line == "own"), "{seen}");
    let refused = "Operation not permitted (os error 1)";
    assert!(!seen.contains(refused), "{seen}");
    let seen = scene.report(&pod, of("none", "m", &["try-read", "/dev/own"])).await;
    assert_eq!(seen, format!("try-read /dev/own: {refused}\n"));
    let seen = scene.report(&pod, of("read", "r", &["try-write", "/dev/own"])).await;
    assert_eq!(seen, format!("try-write /dev/own: {refused}\n"));
}

async fn a_device_that_is_not_there_is_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &[]);
    let config = config.with(|config| config.devices.push(device("/dev/not-there", "/dev/not-there", "rwm")));
    let refused = scene.try_create(&pod, config).await.unwrap_err();
    assert!(refused.message().contains("/dev/not-there"), "{refused}");
}
