//! What requests are made of, as short as what they say.

use reprise_cri::v1::{
    ContainerConfig, ImageSpec, LinuxContainerConfig, LinuxContainerResources, LinuxContainerSecurityContext,
    LinuxPodSandboxConfig, LinuxSandboxSecurityContext, Mount, NamespaceMode, NamespaceOption, PodSandboxConfig,
};

/// Changes a value on the way.
pub trait With: Sized {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl With for ContainerConfig {}
impl With for PodSandboxConfig {}
impl With for NamespaceOption {}
impl With for LinuxContainerResources {}

/// The nested parts of a container's configuration.
pub trait ContainerParts {
    fn security(&mut self) -> &mut LinuxContainerSecurityContext;
    fn resources(&mut self) -> &mut LinuxContainerResources;
    fn namespaces(&mut self) -> &mut NamespaceOption;
}

impl ContainerParts for ContainerConfig {
    fn security(&mut self) -> &mut LinuxContainerSecurityContext {
        linux(self).security_context.get_or_insert_default()
    }

    fn resources(&mut self) -> &mut LinuxContainerResources {
        linux(self).resources.get_or_insert_default()
    }

    fn namespaces(&mut self) -> &mut NamespaceOption {
        self.security().namespace_options.get_or_insert_default()
    }
}

fn linux(config: &mut ContainerConfig) -> &mut LinuxContainerConfig {
    config.linux.get_or_insert_default()
}

/// The nested parts of a sandbox's configuration.
pub trait SandboxParts {
    fn linux(&mut self) -> &mut LinuxPodSandboxConfig;
    fn security(&mut self) -> &mut LinuxSandboxSecurityContext;
    fn namespaces(&mut self) -> &mut NamespaceOption;
}

impl SandboxParts for PodSandboxConfig {
    fn linux(&mut self) -> &mut LinuxPodSandboxConfig {
        self.linux.get_or_insert_default()
    }

    fn security(&mut self) -> &mut LinuxSandboxSecurityContext {
        self.linux().security_context.get_or_insert_default()
    }

    fn namespaces(&mut self) -> &mut NamespaceOption {
        self.security().namespace_options.get_or_insert_default()
    }
}

/// As a kubelet has them for a Pod that says nothing: containers see their own processes.
pub fn usual_namespaces() -> NamespaceOption {
    NamespaceOption { pid: NamespaceMode::Container.into(), ..NamespaceOption::default() }
}

pub fn image(name: &str) -> Option<ImageSpec> {
    Some(ImageSpec { image: name.to_owned(), ..ImageSpec::default() })
}

pub fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// A folder or file of the host, writable.
pub fn mount(host: &std::path::Path, container_path: &str) -> Mount {
    let host_path = host.to_str().unwrap().to_owned();
    Mount { host_path, container_path: container_path.to_owned(), ..Mount::default() }
}
