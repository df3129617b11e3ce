//! What is left for later is said, not skipped.

use reprise_cri::v1::{ContainerConfig, NamespaceMode, PodSandboxConfig, UserNamespace};

use super::{SpecError, sysctls};

const USER_NAMESPACE: &str = "a user namespace";

/// Refuses what this runtime does not do for containers, and what makes no sense.
pub fn container(config: &ContainerConfig, sandbox: &PodSandboxConfig) -> Result<(), SpecError> {
    let linux = config.linux.as_ref();
    let security = linux.and_then(|l| l.security_context.as_ref());
    let namespaces = security.and_then(|s| s.namespace_options.as_ref());
    let mapped = |m: &reprise_cri::v1::Mount| !m.uid_mappings.is_empty() || !m.gid_mappings.is_empty();
    let refused = [
        (config.windows.is_some(), "a container for Windows"),
        (!config.cdi_devices.is_empty(), "a CDI device"),
        (config.mounts.iter().any(|m| m.image.is_some()), "an image volume"),
        (config.mounts.iter().any(mapped), "a mount with mapped ids"),
        (namespaces.is_some_and(|n| is_mapped(n.userns_options.as_ref())), USER_NAMESPACE),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(used, _)| *used) {
        return Err(SpecError::Unsupported(what));
    }
    let privileged = sandbox.linux.as_ref().and_then(|l| l.security_context.as_ref()).is_some_and(|s| s.privileged);
    if security.is_some_and(|s| s.privileged) && !privileged {
        let why = "a privileged container needs a privileged sandbox".to_owned();
        return Err(SpecError::Invalid { field: "linux.security_context.privileged", why });
    }
    Ok(())
}

/// The same for sandboxes.
pub fn sandbox(config: &PodSandboxConfig) -> Result<(), SpecError> {
    if config.windows.is_some() {
        return Err(SpecError::Unsupported("a sandbox for Windows"));
    }
    let linux = config.linux.clone().unwrap_or_default();
    let namespaces = linux.security_context.and_then(|s| s.namespace_options).unwrap_or_default();
    if is_mapped(namespaces.userns_options.as_ref()) {
        return Err(SpecError::Unsupported(USER_NAMESPACE));
    }
    let modes = [namespaces.network(), namespaces.ipc(), namespaces.pid()];
    if modes.contains(&NamespaceMode::Target) || namespaces.network() == NamespaceMode::Container {
        let why = "a sandbox has its own namespaces or the host's".to_owned();
        return Err(SpecError::Invalid { field: "linux.security_context.namespace_options", why });
    }
    if linux.cgroup_parent.split('/').any(|part| part == ".." || part == ".") {
        let why = format!("{:?} is not a plain path", linux.cgroup_parent);
        return Err(SpecError::Invalid { field: "linux.cgroup_parent", why });
    }
    sysctls::check(config)
}

fn is_mapped(options: Option<&UserNamespace>) -> bool {
    options.is_some_and(|u| u.mode() != NamespaceMode::Node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::{LinuxContainerConfig, LinuxContainerSecurityContext, LinuxPodSandboxConfig};

    #[test]
    fn a_privileged_container_needs_a_privileged_sandbox() {
        let security = LinuxContainerSecurityContext { privileged: true, ..Default::default() };
        let linux = LinuxContainerConfig { security_context: Some(security), ..Default::default() };
        let config = ContainerConfig { linux: Some(linux), ..Default::default() };
        assert!(container(&config, &PodSandboxConfig::default()).is_err());
    }

    #[test]
    fn a_cgroup_parent_stays_below_the_hierarchy() {
        let of = |parent: &str| {
            let linux = LinuxPodSandboxConfig { cgroup_parent: parent.to_owned(), ..Default::default() };
            sandbox(&PodSandboxConfig { linux: Some(linux), ..Default::default() })
        };
        assert!(of("/kubepods/pod1").is_ok() && of("kubepods.slice").is_ok() && of("").is_ok());
        assert!(of("/a/../../b").is_err());
    }
}
