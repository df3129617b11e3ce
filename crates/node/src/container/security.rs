//! Security contexts of Pod and container as one CRI context. The container's settings win over the Pod's.

use std::path::Path;

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Container, Pod, PodSecurityContext, PodSpec, SELinuxOptions, SeccompProfile,
};
use reprise_cri::v1::security_profile::ProfileType;
use reprise_cri::v1::{
    Capability, Int64Value, LinuxContainerSecurityContext, NamespaceMode, NamespaceOption, SeLinuxOption,
    SecurityProfile, SupplementalGroupsPolicy,
};

use super::user::User;
use crate::config::NodeConfig;
use crate::paths::NodePaths;

/// What `procMount: Default` hides: kernel interfaces that tell or change things outside the container.
const MASKED_PATHS: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
/// What `procMount: Default` makes read-only.
const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The container's security context, running as `user`; `target_id` is the container whose processes an ephemeral one sees.
pub(crate) fn context(
    pod: &Pod,
    container: &Container,
    user: User,
    target_id: Option<&str>,
    config: &NodeConfig,
) -> LinuxContainerSecurityContext {
    let spec = pod.spec.as_ref();
    let of_pod = spec.and_then(|s| s.security_context.as_ref());
    let own = container.security_context.clone().unwrap_or_default();
    let masks = own.proc_mount.as_deref() != Some("Unmasked");
    let paths = |list: &[&str]| if masks { list.iter().map(|p| (*p).to_owned()).collect() } else { Vec::new() };
    let seccomp = own.seccomp_profile.as_ref().or(of_pod.and_then(|c| c.seccomp_profile.as_ref()));
    let apparmor = own.app_armor_profile.as_ref().or(of_pod.and_then(|c| c.app_armor_profile.as_ref()));
    let selinux = own.se_linux_options.as_ref().or(of_pod.and_then(|c| c.se_linux_options.as_ref()));
    let profiles = NodePaths::new(&config.data_dir).seccomp_profiles();
    LinuxContainerSecurityContext {
        capabilities: own.capabilities.map(|c| Capability {
            add_capabilities: c.add.unwrap_or_default(),
            drop_capabilities: c.drop.unwrap_or_default(),
            add_ambient_capabilities: Vec::new(),
        }),
        privileged: own.privileged.unwrap_or(false),
        namespace_options: Some(namespaces(spec, target_id)),
        selinux_options: selinux.filter(|_| config.kernel.selinux).map(selinux_option),
        run_as_user: user.uid.map(|value| Int64Value { value }),
        run_as_username: user.name,
        run_as_group: user.gid.map(|value| Int64Value { value }),
        readonly_rootfs: own.read_only_root_filesystem.unwrap_or(false),
        supplemental_groups: groups(of_pod),
        supplemental_groups_policy: groups_policy(of_pod) as i32,
        no_new_privs: own.allow_privilege_escalation == Some(false),
        masked_paths: paths(&MASKED_PATHS),
        readonly_paths: paths(&READONLY_PATHS),
        seccomp: Some(seccomp_profile(seccomp, config.seccomp_default, &profiles)),
        apparmor: apparmor.map(apparmor_profile),
        ..LinuxContainerSecurityContext::default()
    }
}

/// The namespaces that the Pod's containers, and its sandbox, share with whom.
pub(crate) fn namespaces(spec: Option<&PodSpec>, target_id: Option<&str>) -> NamespaceOption {
    let on = |flag: Option<bool>| flag == Some(true);
    let node_or_pod = |node: bool| if node { NamespaceMode::Node } else { NamespaceMode::Pod } as i32;
    let pid = match (spec, target_id) {
        (_, Some(_)) => NamespaceMode::Target,
        (Some(s), _) if on(s.host_pid) => NamespaceMode::Node,
        (Some(s), _) if on(s.share_process_namespace) => NamespaceMode::Pod,
        _ => NamespaceMode::Container,
    };
    NamespaceOption {
        network: node_or_pod(spec.is_some_and(|s| on(s.host_network))),
        ipc: node_or_pod(spec.is_some_and(|s| on(s.host_ipc))),
        pid: pid as i32,
        target_id: target_id.unwrap_or_default().to_owned(),
        userns_options: None,
    }
}

/// The Pod's supplemental groups; `fsGroup` is one of them, so that containers may use volumes that belong to it.
pub(crate) fn groups(of_pod: Option<&PodSecurityContext>) -> Vec<i64> {
    let Some(context) = of_pod else { return Vec::new() };
    context.supplemental_groups.iter().flatten().copied().chain(context.fs_group).collect()
}

/// How they combine with those in the image.
pub(crate) fn groups_policy(of_pod: Option<&PodSecurityContext>) -> SupplementalGroupsPolicy {
    match of_pod.and_then(|c| c.supplemental_groups_policy.as_deref()) {
        Some("Strict") => SupplementalGroupsPolicy::Strict,
        _ => SupplementalGroupsPolicy::Merge,
    }
}

/// The filter that the runtime itself has.
pub(crate) fn runtime_default() -> SecurityProfile {
    security_profile("RuntimeDefault", None)
}

/// The filter for a profile of the API; Kubernetes' default is none unless the node says otherwise. Files of profiles are
/// below `profiles`.
fn seccomp_profile(profile: Option<&SeccompProfile>, default_on: bool, profiles: &Path) -> SecurityProfile {
    let of_file = |file: &String| profiles.join(file).display().to_string();
    match profile {
        Some(p) => security_profile(&p.type_, p.localhost_profile.as_ref().map(of_file)),
        None if default_on => runtime_default(),
        None => security_profile("Unconfined", None),
    }
}

fn apparmor_profile(profile: &AppArmorProfile) -> SecurityProfile {
    security_profile(&profile.type_, profile.localhost_profile.clone())
}

fn security_profile(kind: &str, localhost: Option<String>) -> SecurityProfile {
    let profile_type = match kind {
        "RuntimeDefault" => ProfileType::RuntimeDefault,
        "Localhost" => ProfileType::Localhost,
        _ => ProfileType::Unconfined,
    };
    SecurityProfile { profile_type: profile_type as i32, localhost_ref: localhost.unwrap_or_default() }
}

pub(crate) fn selinux_option(options: &SELinuxOptions) -> SeLinuxOption {
    let options = options.clone();
    SeLinuxOption {
        user: options.user.unwrap_or_default(),
        role: options.role.unwrap_or_default(),
        r#type: options.type_.unwrap_or_default(),
        level: options.level.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_security::KernelSecurity;
    use serde_json::{Value, json};

    fn of(spec: Value, own: Value) -> LinuxContainerSecurityContext {
        let mut spec = spec;
        spec["containers"] = json!([{"name": "c", "securityContext": own}]);
        let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
        let mut config = NodeConfig::new("/d", "/none");
        config.kernel = KernelSecurity { app_armor: false, selinux: false };
        context(&pod, &pod.spec.as_ref().unwrap().containers[0], User::default(), None, &config)
    }

    #[test]
    fn a_container_without_a_context_is_confined_by_kubernetes_defaults() {
        let c = of(json!({}), json!({}));
        assert!(!c.privileged && !c.no_new_privs && !c.readonly_rootfs);
        assert!(c.masked_paths.contains(&"/proc/kcore".to_owned()) && c.readonly_paths.len() == 5);
        assert_eq!(c.seccomp.unwrap().profile_type, ProfileType::Unconfined as i32);
        let namespaces = c.namespace_options.unwrap();
        assert_eq!(namespaces.pid, NamespaceMode::Container as i32);
        assert_eq!((namespaces.network, namespaces.ipc), (NamespaceMode::Pod as i32, NamespaceMode::Pod as i32));
    }

    #[test]
    fn the_containers_seccomp_profile_wins_over_the_pods() {
        let of_pod = json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}});
        let own = json!({"seccompProfile": {"type": "RuntimeDefault"}});
        assert_eq!(of(of_pod, own).seccomp.unwrap().profile_type, ProfileType::RuntimeDefault as i32);
    }

    #[test]
    fn a_profile_of_the_nodes_own_is_a_file_below_its_folder_and_an_apparmor_profile_a_name() {
        let own = json!({
            "seccompProfile": {"type": "Localhost", "localhostProfile": "web/strict.json"},
            "appArmorProfile": {"type": "Localhost", "localhostProfile": "web"},
        });
        let c = of(json!({}), own);
        assert_eq!(c.seccomp.unwrap().localhost_ref, "/d/seccomp/web/strict.json");
        assert_eq!(c.apparmor.unwrap().localhost_ref, "web");
    }

    #[test]
    fn a_kernel_without_selinux_gets_no_label() {
        let options = json!({"seLinuxOptions": {"level": "s0:c1,c2"}});
        assert_eq!(of(json!({}), options).selinux_options, None);
    }

    #[test]
    fn fs_group_is_a_supplemental_group_and_escalation_can_be_forbidden() {
        let spec = json!({"securityContext": {"fsGroup": 7, "supplementalGroups": [5]}, "hostPID": true});
        let c = of(spec, json!({"allowPrivilegeEscalation": false, "procMount": "Unmasked"}));
        assert_eq!(c.supplemental_groups, [5, 7]);
        assert!(c.no_new_privs && c.masked_paths.is_empty() && c.readonly_paths.is_empty());
        assert_eq!(c.namespace_options.unwrap().pid, NamespaceMode::Node as i32);
    }
}
