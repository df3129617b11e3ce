//! What is mounted in a container: the kernel's file systems, the sandbox's files, and what the request names.

use std::path::Path;

use reprise_cri::v1::{ContainerConfig, LinuxContainerSecurityContext, Mount, MountPropagation, NamespaceMode};
use serde_json::{Value, json};

use super::propagation::{self, Needed};
use super::{Place, SpecError};
use crate::cgroup::hierarchies;
use crate::create::late_mounts::Source;

/// All mounts, in order.
pub fn of(
    config: &ContainerConfig,
    security: &LinuxContainerSecurityContext,
    place: &Place<'_>,
) -> Result<Vec<Value>, SpecError> {
    let mut list = kernel(security.privileged);
    list.extend(cgroups(place.cgroup, security.privileged));
    let host_ipc = security.namespace_options.as_ref().is_some_and(|n| n.ipc() == NamespaceMode::Node);
    let shm = if host_ipc { Path::new("/dev/shm").to_owned() } else { place.sandbox.shm() };
    let own = [
        ("/dev/shm", shm, &["rbind", "nosuid", "nodev", "noexec"][..]),
        ("/etc/resolv.conf", place.sandbox.resolv_conf(), &["rbind", "rprivate"]),
        ("/etc/hostname", place.sandbox.hostname(), &["rbind", "rprivate"]),
    ];
    for (target, source, options) in own {
        if !config.mounts.iter().any(|m| m.container_path == target) {
            let mut options = options.to_vec();
            if security.readonly_rootfs && target != "/dev/shm" {
                options.push("ro");
            }
            list.push(json!({"destination": target, "type": "bind", "source": source, "options": options}));
        }
    }
    let mut requested: Vec<&Mount> = config.mounts.iter().collect();
    // A mount below another one comes after it, whatever the order of the request.
    requested.sort_by_key(|m| Path::new(&m.container_path).components().count());
    for mount in requested {
        list.push(bind(mount)?);
    }
    Ok(list)
}

/// What the host shows at the sources of the requested mounts.
pub fn sources(config: &ContainerConfig) -> Vec<Source> {
    config.mounts.iter().filter_map(|m| Source::seen(&std::fs::canonicalize(&m.host_path).ok()?)).collect()
}

fn kernel(privileged: bool) -> Vec<Value> {
    let access = if privileged { "rw" } else { "ro" };
    let mount = |target: &str, kind: &str, source: &str, options: &[&str]| json!({"destination": target, "type": kind, "source": source, "options": options});
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
    ]
}

/// The container's own cgroups. With v1 they are bound one by one: libcontainer's way of finding them reads `/proc/self`
/// where it may belong to another PID namespace, and fails now and then.
fn cgroups(cgroup: &str, privileged: bool) -> Vec<Value> {
    const POINT: &str = "/sys/fs/cgroup";
    let access = if privileged { "rw" } else { "ro" };
    if hierarchies().is_v2() {
        let options = ["nosuid", "noexec", "nodev", "relatime", access];
        return vec![json!({"destination": POINT, "type": "cgroup", "source": "cgroup", "options": options})];
    }
    let options = ["nosuid", "noexec", "nodev", "mode=755"];
    let mut list = vec![json!({"destination": POINT, "type": "tmpfs", "source": "tmpfs", "options": options})];
    // libcontainer makes none in hierarchies without a controller, such as `name=systemd`.
    for (_, point) in hierarchies().v1.iter().filter(|(controllers, _)| !controllers.contains("name=")) {
        let Some(name) = point.file_name() else { continue };
        let (source, target) = (point.join(cgroup.trim_start_matches('/')), Path::new(POINT).join(name));
        let options = ["bind", "nosuid", "noexec", "nodev", access];
        list.push(json!({"destination": target, "type": "bind", "source": source, "options": options}));
    }
    list
}

fn bind(mount: &Mount) -> Result<Value, SpecError> {
    let source_path = mount.host_path.clone();
    let source = std::fs::canonicalize(&source_path)
        .map_err(|_| SpecError::MountSource { target: mount.container_path.clone(), source_path })?;
    let (propagation, needed) = match mount.propagation() {
        MountPropagation::PropagationPrivate => ("rprivate", None),
        MountPropagation::PropagationHostToContainer => ("rslave", Some(Needed::SharedOrSlave)),
        MountPropagation::PropagationBidirectional => ("rshared", Some(Needed::Shared)),
    };
    if let Some(needed) = needed {
        propagation::check(mount, &source, needed)?;
    }
    let access = match (mount.readonly, mount.recursive_read_only) {
        (_, true) => "rro",
        (true, false) => "ro",
        (false, false) => "rw",
    };
    let options = ["rbind", propagation, access];
    Ok(json!({"destination": mount.container_path, "type": "bind", "source": source, "options": options}))
}

/// The root must be at least as open as the most open mount, or nothing would come through.
pub fn root_propagation(config: &ContainerConfig) -> Option<&'static str> {
    let any = |p: MountPropagation| config.mounts.iter().any(|m| m.propagation() == p);
    if any(MountPropagation::PropagationBidirectional) {
        Some("rshared")
    } else if any(MountPropagation::PropagationHostToContainer) {
        Some("rslave")
    } else {
        None
    }
}
