//! Which namespaces a container has for itself, and whose it joins.

use reprise_cri::v1::{
    ContainerConfig, LinuxContainerSecurityContext, NamespaceMode, NamespaceOption, PodSandboxConfig,
};
use serde_json::{Value, json};

use super::{Place, SpecError};

/// The container whose PID namespace is to be joined, if one is.
pub fn pid_target(config: &ContainerConfig) -> Option<&str> {
    let options = config.linux.as_ref()?.security_context.as_ref()?.namespace_options.as_ref()?;
    (options.pid() == NamespaceMode::Target).then_some(options.target_id.as_str())
}

/// The namespaces of a sandbox.
pub fn of_sandbox(config: &PodSandboxConfig) -> NamespaceOption {
    let security = config.linux.as_ref().and_then(|l| l.security_context.as_ref());
    security.and_then(|s| s.namespace_options.clone()).unwrap_or_default()
}

/// The namespaces in the OCI form, and whether the container has no PID namespace of its own.
pub fn of(security: &LinuxContainerSecurityContext, place: &Place<'_>) -> (Vec<Value>, bool) {
    let joined =
        |kind: &str, process: i32, file: &str| json!({"type": kind, "path": format!("/proc/{process}/ns/{file}")});
    // Where the sandbox has the host's, the shim is in the host's itself.
    let mut list = vec![
        json!({"type": "mount"}),
        json!({"type": "cgroup"}),
        joined("uts", place.shim, "uts"),
        joined("ipc", place.shim, "ipc"),
        joined("network", place.shim, "net"),
    ];
    let pid = security.namespace_options.as_ref().map(NamespaceOption::pid).unwrap_or_default();
    let on_host = pid == NamespaceMode::Node
        || (pid == NamespaceMode::Pod && of_sandbox(place.sandbox_config).pid() == NamespaceMode::Node);
    let joins = match pid {
        NamespaceMode::Target => place.target,
        NamespaceMode::Pod => place.pid_namespace,
        _ => None,
    };
    match joins {
        _ if on_host => {}
        Some(process) => list.push(joined("pid", process, "pid")),
        None => list.push(json!({"type": "pid"})),
    }
    (list, on_host || joins.is_some())
}

/// A container is in its sandbox's network and IPC namespace, so it can't ask for others.
pub fn check(security: &LinuxContainerSecurityContext, sandbox: &PodSandboxConfig) -> Result<(), SpecError> {
    let Some(own) = &security.namespace_options else { return Ok(()) };
    let shared = of_sandbox(sandbox);
    for (kind, own, shared) in [("network", own.network(), shared.network()), ("ipc", own.ipc(), shared.ipc())] {
        let why = match (own, shared) {
            (NamespaceMode::Node, NamespaceMode::Node) | (NamespaceMode::Pod | NamespaceMode::Container, _) => continue,
            (NamespaceMode::Node, _) => format!("{kind} is the host's (NODE), and the sandbox has its own"),
            (NamespaceMode::Target, _) => format!("{kind} can't be that of a container (TARGET)"),
        };
        return Err(SpecError::Invalid { field: "linux.security_context.namespace_options", why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::{LinuxPodSandboxConfig, LinuxSandboxSecurityContext};

    fn options(network: NamespaceMode, pid: NamespaceMode) -> NamespaceOption {
        NamespaceOption { network: network.into(), pid: pid.into(), ..Default::default() }
    }

    fn container(options: NamespaceOption) -> LinuxContainerSecurityContext {
        LinuxContainerSecurityContext { namespace_options: Some(options), ..Default::default() }
    }

    fn sandbox(options: NamespaceOption) -> PodSandboxConfig {
        let security = LinuxSandboxSecurityContext { namespace_options: Some(options), ..Default::default() };
        let linux = LinuxPodSandboxConfig { security_context: Some(security), ..Default::default() };
        PodSandboxConfig { linux: Some(linux), ..Default::default() }
    }

    #[test]
    fn a_container_has_the_hosts_network_only_if_its_sandbox_has() {
        use NamespaceMode::{Node, Pod, Target};
        let check = |own, shared| check(&container(options(own, Pod)), &sandbox(options(shared, Pod)));
        assert!(check(Node, Node).is_ok() && check(Pod, Node).is_ok() && check(Pod, Pod).is_ok());
        let refused = check(Node, Pod).unwrap_err().to_string();
        assert!(refused.contains("network is the host's"), "{refused}");
        assert!(check(Target, Pod).is_err());
    }
}
