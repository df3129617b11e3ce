//! Filters of system calls, and the kernel's other security modules.

use reprise_cri::v1::*;
use security_profile::ProfileType;
use serde_json::json;

use crate::case::cases;
use crate::requests::{ContainerParts, SandboxParts, With};
use crate::scene::Scene;

cases![
    the_usual_profile_is_a_filter,
    unconfined_and_no_word_mean_no_filter,
    a_profile_of_the_node_is_installed_from_its_file,
    a_profile_that_is_not_there_or_no_profile_is_refused,
    a_privileged_container_has_no_filter,
    a_filter_holds_for_commands_too,
    apparmor_is_refused_where_the_kernel_has_none,
    selinux_labels_are_refused_where_the_kernel_has_none,
];

fn profile(kind: ProfileType, localhost_ref: &str) -> Option<SecurityProfile> {
    Some(SecurityProfile { profile_type: kind.into(), localhost_ref: localhost_ref.to_owned() })
}

async fn report(scene: &Scene, steps: &[&str], change: impl FnOnce(&mut LinuxContainerSecurityContext)) -> String {
    let pod = scene.pod().await;
    scene.report(&pod, scene.container("main", steps).with(|config| change(config.security()))).await
}

async fn the_usual_profile_is_a_filter(scene: &Scene) {
    let usual =
        |security: &mut LinuxContainerSecurityContext| security.seccomp = profile(ProfileType::RuntimeDefault, "");
    assert_eq!(report(scene, &["seccomp"], usual).await, "Seccomp 2\n");
    let with_nnp = |security: &mut LinuxContainerSecurityContext| {
        usual(security);
        security.no_new_privs = true;
        security.run_as_user = Some(Int64Value { value: 1000 });
    };
    let seen = report(scene, &["seccomp", "nnp", "caps", "try-mkdir", "/tmp/folder"], with_nnp).await;
    assert!(seen.starts_with("NoNewPrivs 1\n") || seen.starts_with("Seccomp 2\nNoNewPrivs 1\n"), "{seen}");
    assert!(seen.ends_with("try-mkdir /tmp/folder: ok\n"), "{seen}");
}

async fn unconfined_and_no_word_mean_no_filter(scene: &Scene) {
    for given in [profile(ProfileType::Unconfined, ""), None] {
        assert_eq!(report(scene, &["seccomp"], |security| security.seccomp = given).await, "Seccomp 0\n");
    }
}

/// Allows all but making folders, which fails with error 38.
fn no_folders() -> String {
    let rule = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 });
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule] }).to_string()
}

async fn a_profile_of_the_node_is_installed_from_its_file(scene: &Scene) {
    let file = scene.scratch().join("no-folders.json");
    std::fs::write(&file, no_folders()).unwrap();
    let path = file.to_str().unwrap();
    let steps = ["seccomp", "try-mkdir", "/tmp/folder", "try-write", "/tmp/file"];
    let seen = report(scene, &steps, |security| security.seccomp = profile(ProfileType::Localhost, path)).await;
    let refused = "try-mkdir /tmp/folder: Function not implemented (os error 38)";
    assert_eq!(seen, format!("Seccomp 2\n{refused}\ntry-write /tmp/file: ok\n"));
}

async fn a_profile_that_is_not_there_or_no_profile_is_refused(scene: &Scene) {
    let pod = scene.pod().await;
    let broken = scene.scratch().join("broken.json");
    std::fs::write(&broken, "no profile").unwrap();
    for path in ["/no/such/profile.json", broken.to_str().unwrap()] {
        let config = scene.container("main", &[]);
        let config = config.with(|config| config.security().seccomp = profile(ProfileType::Localhost, path));
        let refused = scene.try_create(&pod, config).await.unwrap_err();
        assert!(refused.message().contains(path) || scene.differs("seccomp::file-not-named"), "{refused}");
    }
}

async fn a_privileged_container_has_no_filter(scene: &Scene) {
    let pod = scene.pod_of(scene.pod_config("pod").with(|pod| pod.security().privileged = true)).await;
    let config = scene.container("main", &["seccomp"]).with(|config| {
        config.security().privileged = true;
        config.security().seccomp = profile(ProfileType::RuntimeDefault, "");
    });
    assert_eq!(scene.report(&pod, config).await, "Seccomp 0\n");
}

async fn a_filter_holds_for_commands_too(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]);
    let config = config.with(|config| config.security().seccomp = profile(ProfileType::RuntimeDefault, ""));
    let id = scene.run(&pod, config).await;
    assert_eq!(scene.exec(&id, &["seccomp"]).await, "Seccomp 2\n");
}

async fn apparmor_is_refused_where_the_kernel_has_none(scene: &Scene) {
    if std::path::Path::new("/sys/kernel/security/apparmor").exists() {
        return;
    }
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]);
    let config = config.with(|config| config.security().apparmor = profile(ProfileType::Localhost, "some-profile"));
    let refused = scene.try_create(&pod, config).await.unwrap_err();
    assert!(refused.message().to_lowercase().contains("apparmor"), "{refused}");
    let unconfined = scene.container("other", &["print", "runs"]);
    let unconfined = unconfined.with(|config| config.security().apparmor = profile(ProfileType::Unconfined, ""));
    assert_eq!(scene.report(&pod, unconfined).await, "runs\n");
}

async fn selinux_labels_are_refused_where_the_kernel_has_none(scene: &Scene) {
    if std::path::Path::new("/sys/fs/selinux").exists() {
        return;
    }
    let pod = scene.pod().await;
    let config = scene.container("main", &[]).with(|config| {
        let level = "s0:c1,c2".to_owned();
        config.security().selinux_options = Some(SeLinuxOption { level, ..SeLinuxOption::default() });
    });
    let refused = scene.try_create(&pod, config).await.unwrap_err();
    assert!(refused.message().contains("SELinux"), "{refused}");
}
