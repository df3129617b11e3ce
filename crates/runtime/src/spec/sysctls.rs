//! Kernel parameters of a sandbox: only those of namespaces that it has for itself, as others are the whole machine's.

use reprise_cri::v1::{NamespaceMode, PodSandboxConfig};

use super::{SpecError, namespaces};

/// Parameters of the IPC namespace; `fs.mqueue.` and what is below it is another.
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Refuses parameters that would change the host.
pub fn check(config: &PodSandboxConfig) -> Result<(), SpecError> {
    let Some(linux) = &config.linux else { return Ok(()) };
    let options = namespaces::of_sandbox(config);
    let own = |mode: NamespaceMode| mode != NamespaceMode::Node;
    let mut names: Vec<&String> = linux.sysctls.keys().collect();
    names.sort();
    for name in names {
        let why = if name.starts_with("net.") {
            if own(options.network()) { continue } else { "is the host's, as the sandbox is on the host's network" }
        } else if IPC.contains(&name.as_str()) || name.starts_with("fs.mqueue.") {
            if own(options.ipc()) { continue } else { "is the host's, as the sandbox uses the host's IPC" }
        } else {
            "is not one of a sandbox's own network or IPC namespace"
        };
        return Err(SpecError::Invalid { field: "linux.sysctls", why: format!("{name} {why}") });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::{LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NamespaceOption};

    fn with(name: &str, network: NamespaceMode) -> Result<(), SpecError> {
        let namespace_options = Some(NamespaceOption { network: network.into(), ..Default::default() });
        let security_context = Some(LinuxSandboxSecurityContext { namespace_options, ..Default::default() });
        let sysctls = [(name.to_owned(), "1".to_owned())].into();
        let linux = Some(LinuxPodSandboxConfig { security_context, sysctls, ..Default::default() });
        check(&PodSandboxConfig { linux, ..Default::default() })
    }

    #[test]
    fn only_parameters_of_the_sandboxs_own_namespaces_can_be_set() {
        assert!(with("net.core.somaxconn", NamespaceMode::Pod).is_ok());
        assert!(with("kernel.shm_rmid_forced", NamespaceMode::Node).is_ok());
        assert!(with("fs.mqueue.msg_max", NamespaceMode::Pod).is_ok());
        assert!(with("net.core.somaxconn", NamespaceMode::Node).is_err());
        for name in ["vm.swappiness", "kernel.hostname", "no.such.sysctl", ""] {
            assert!(with(name, NamespaceMode::Pod).is_err(), "{name}");
        }
    }
}
