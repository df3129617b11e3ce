//! What is mounted in a container: the kernel's file systems, the sandbox's files, and what the request names.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use reprise_cri::v1::{ContainerConfig, LinuxContainerSecurityContext, Mount, MountPropagation, NamespaceMode};
use serde_json::{Value, json};

use super::propagation::{self, Needed};
use super::{Place, SpecError, namespaces};
use crate::cgroup::hierarchies;
use crate::create::closed_mounts::Closed;
use crate::create::late_mounts::Source;
use crate::disk;

/// All mounts, in order.
pub struct Mounts {
    /// In the OCI form.
    pub list: Vec<Value>,
    /// Sources that must not show what the host mounts below them later.
    pub closed: Vec<Closed>,
}

/// Works them out.
pub fn of(
    config: &ContainerConfig,
    security: &LinuxContainerSecurityContext,
    place: &Place<'_>,
) -> Result<Mounts, SpecError> {
    let mut list = kernel(security.privileged);
    list.extend(cgroups(place.cgroup, security.privileged));
    let host_ipc = namespaces::of_sandbox(place.sandbox_config).ipc() == NamespaceMode::Node;
    let shm = if host_ipc { Path::new("/dev/shm").to_owned() } else { place.sandbox.shm() };
    let own = [
        ("/dev/shm", shm, &["rbind", "nosuid", "nodev", "noexec"][..]),
        ("/etc/resolv.conf", place.sandbox.resolv_conf(), &["rbind", "rprivate"]),
        ("/etc/hostname", place.sandbox.hostname(), &["rbind", "rprivate"]),
        ("/etc/hosts", place.sandbox.hosts(), &["rbind", "rprivate"]),
    ];
    for (target, source, options) in own {
        if !config.mounts.iter().any(|m| Path::new(&m.container_path) == Path::new(target)) {
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
    let mountinfo = if requested.is_empty() { String::new() } else { propagation::mountinfo() };
    let mut closed = Vec::new();
    for mount in requested {
        let mut bound = bind(mount, &mountinfo)?;
        let source = bound["source"].as_str().map(PathBuf::from).unwrap_or_default();
        let private = mount.propagation() == MountPropagation::PropagationPrivate;
        if private && propagation::is_open(&mountinfo, &source) {
            let copy = place.folder.closed_mounts().join(closed.len().to_string());
            bound["source"] = json!(copy);
            closed.push(Closed { source, copy });
        }
        list.push(bound);
    }
    Ok(Mounts { list, closed })
}

/// What the host shows at the sources of the requested mounts.
pub fn sources(config: &ContainerConfig) -> Vec<Source> {
    let shared = |m: &Mount| m.propagation() == MountPropagation::PropagationBidirectional;
    let seen = |m: &Mount| Source::seen(&std::fs::canonicalize(&m.host_path).ok()?, shared(m));
    config.mounts.iter().filter_map(seen).collect()
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

fn bind(mount: &Mount, mountinfo: &str) -> Result<Value, SpecError> {
    check(mount)?;
    let source_path = mount.host_path.clone();
    if std::fs::symlink_metadata(&source_path).is_err_and(|e| e.kind() == ErrorKind::NotFound) {
        // As other runtimes do.
        disk::make_dir(Path::new(&source_path))?;
    }
    let source = std::fs::canonicalize(&source_path)
        .map_err(|_| SpecError::MountSource { target: mount.container_path.clone(), source_path })?;
    let (propagation, needed) = match mount.propagation() {
        MountPropagation::PropagationPrivate => ("rprivate", None),
        MountPropagation::PropagationHostToContainer => ("rslave", Some(Needed::SharedOrSlave)),
        MountPropagation::PropagationBidirectional => ("rshared", Some(Needed::Shared)),
    };
    if let Some(needed) = needed {
        propagation::check(mountinfo, mount, &source, needed)?;
    }
    let access = match (mount.readonly, mount.recursive_read_only) {
        (_, true) => "rro",
        (true, false) => "ro",
        (false, false) => "rw",
    };
    let options = ["rbind", propagation, access];
    Ok(json!({"destination": mount.container_path, "type": "bind", "source": source, "options": options}))
}

/// CRI's rules for a mount.
fn check(mount: &Mount) -> Result<(), SpecError> {
    let wrong = |why: String| Err(SpecError::Invalid { field: "mounts", why });
    let (source, target) = (mount.host_path.as_str(), mount.container_path.as_str());
    if !source.starts_with('/') {
        return wrong(format!("host_path {source:?} of {target:?} is not an absolute path"));
    }
    if !target.starts_with('/') || target.split('/').any(|part| part == "..") || target.trim_matches('/').is_empty() {
        return wrong(format!("container_path {target:?} is not an absolute path below /"));
    }
    if !mount.recursive_read_only {
        return Ok(());
    }
    if !mount.readonly || mount.propagation() != MountPropagation::PropagationPrivate {
        return wrong(format!("recursive_read_only of {target:?} needs readonly, and private propagation"));
    }
    if !recursive_read_only() {
        return wrong(format!("recursive_read_only of {target:?} needs Linux 5.12 (mount_setattr), which this is not"));
    }
    Ok(())
}

/// Whether this kernel can make a mount read-only with all that is mounted below it.
pub fn recursive_read_only() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        // SAFETY: no pointer is read: the size is wrong, so a kernel that has the call says EINVAL, another one ENOSYS.
        let result =
            unsafe { libc::syscall(libc::SYS_mount_setattr, -1, std::ptr::null::<u8>(), 0, std::ptr::null::<u8>(), 0) };
        result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
    })
}

/// What is mounted in the container reaches the host only if the root is shared, too. By default the root takes what the
/// host mounts, and each mount decides for itself.
pub fn root_propagation(config: &ContainerConfig) -> Option<&'static str> {
    let shared = |m: &Mount| m.propagation() == MountPropagation::PropagationBidirectional;
    config.mounts.iter().any(shared).then_some("shared")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(host_path: &str, container_path: &str) -> Mount {
        Mount { host_path: host_path.to_owned(), container_path: container_path.to_owned(), ..Default::default() }
    }

    #[test]
    fn paths_are_absolute_and_never_lead_upward() {
        assert!(check(&mount("/a", "/b")).is_ok());
        for (source, target) in [("a", "/b"), ("", "/b"), ("/a", "b"), ("/a", "/b/../c"), ("/a", "/")] {
            assert!(check(&mount(source, target)).is_err(), "{source} {target}");
        }
    }

    #[test]
    fn recursive_read_only_needs_read_only_and_private() {
        let of = |readonly, propagation: MountPropagation| {
            let more =
                Mount { readonly, propagation: propagation.into(), recursive_read_only: true, ..mount("/a", "/b") };
            check(&more).is_ok()
        };
        assert_eq!(of(true, MountPropagation::PropagationPrivate), recursive_read_only());
        assert!(!of(false, MountPropagation::PropagationPrivate));
        assert!(!of(true, MountPropagation::PropagationHostToContainer));
    }

    #[test]
    fn a_missing_source_becomes_a_folder() {
        let folder = std::env::temp_dir().join(format!("reprise-mount-{}", std::process::id()));
        let inside = folder.join("a/b");
        bind(&mount(&inside.to_string_lossy(), "/b"), "").unwrap();
        assert!(inside.is_dir());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
