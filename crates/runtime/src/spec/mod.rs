//! Turns a CRI container config into the OCI config that libcontainer carries out. Pure but for reading the image's
//! user database, profiles and devices, and for the folders of mounts that are not there.

mod capabilities;
mod confinement;
mod devices;
mod error;
mod mounts;
mod namespaces;
mod process;
mod propagation;
mod refusal;
mod resources;
mod seccomp_choice;
mod sysctls;
pub mod user;

pub use error::SpecError;
pub use mounts::{recursive_read_only, sources as mount_sources};
pub use namespaces::pid_target;
pub use refusal::sandbox as check_sandbox;
pub use seccomp_choice::localhost_file;

use std::path::PathBuf;
use std::sync::Arc;

use reprise_cri::v1::{ContainerConfig, LinuxContainerSecurityContext, PodSandboxConfig};
use reprise_images::Image;
use serde_json::{Value, json};

use crate::create::Creation;
use crate::layout::{ContainerDir, SandboxDir};
use crate::limits;
use crate::seccomp::{Filters, Profiles};
use crate::shim::protocol::StreamsWanted;

/// What is known about where the container will live.
pub struct Place<'a> {
    /// The container's id.
    pub id: &'a str,
    /// Its folder.
    pub folder: &'a ContainerDir,
    /// Its sandbox's folder.
    pub sandbox: &'a SandboxDir,
    /// What its sandbox is.
    pub sandbox_config: &'a PodSandboxConfig,
    /// The shim's process.
    pub shim: i32,
    /// The first process of the shared PID namespace, if there is one.
    pub pid_namespace: Option<i32>,
    /// The process whose PID namespace the config asks for.
    pub target: Option<i32>,
    /// Its cgroup.
    pub cgroup: &'a str,
    /// The compiled seccomp profiles.
    pub seccomp: &'a Profiles,
}

/// What the create helper gets.
#[derive(Debug)]
pub struct Prepared {
    /// The OCI config.
    pub oci: Value,
    /// The rest.
    pub creation: Creation,
    /// Whether the container has no PID namespace of its own.
    pub foreign_pids: bool,
    /// Who its program runs as.
    pub user: user::User,
    /// A seccomp filter of its own, for the file that `creation` names.
    pub filters: Option<Arc<Filters>>,
}

/// The standard streams that a container is to have.
pub fn streams(config: &ContainerConfig) -> StreamsWanted {
    StreamsWanted { stdin: config.stdin, stdin_once: config.stdin_once, tty: config.tty }
}

/// Prepares a container of `image`.
pub fn prepare(config: &ContainerConfig, image: &Image, place: &Place<'_>) -> Result<Prepared, SpecError> {
    refusal::container(config, place.sandbox_config)?;
    let none = LinuxContainerSecurityContext::default();
    let linux = config.linux.as_ref();
    let security = linux.and_then(|l| l.security_context.as_ref()).unwrap_or(&none);
    namespaces::check(security, place.sandbox_config)?;
    let user = user::resolve(security, image)?;
    let working_dir = [config.working_dir.as_str(), image.working_dir(), "/"].into_iter().find(|d| !d.is_empty());
    let working_dir = working_dir.unwrap_or("/");
    let (namespaces, foreign_pids) = namespaces::of(security, place);
    let resources = linux.and_then(|l| l.resources.as_ref());
    if let Some(resources) = resources {
        limits::check(resources)?;
    }
    let devices = devices::of(config, security.privileged)?;
    let mut capabilities = capabilities::of(security)?;
    let seccomp = seccomp_choice::of(security, place, capabilities.bounding())?;
    if seccomp.file.is_some() && !security.no_new_privs {
        capabilities.allow_filter();
    }
    let confinement = confinement::of(security)?;
    let mounts = mounts::of(config, security, place)?;
    let oci = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": config.tty,
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups, "umask": 0o022},
            "args": process::command(config, image)?,
            "env": process::environment(config, image, &place.sandbox_config.hostname),
            "cwd": working_dir,
            "capabilities": capabilities.oci(),
            "noNewPrivileges": security.no_new_privs,
            "apparmorProfile": confinement.apparmor,
        },
        "root": {"path": place.folder.rootfs(), "readonly": security.readonly_rootfs},
        "mounts": mounts.list,
        "linux": {
            "cgroupsPath": place.cgroup,
            "namespaces": namespaces,
            "resources": resources::of(resources, devices.rules),
            "devices": devices.nodes,
            "maskedPaths": if security.privileged { &[] } else { security.masked_paths.as_slice() },
            "readonlyPaths": if security.privileged { &[] } else { security.readonly_paths.as_slice() },
            "rootfsPropagation": mounts::root_propagation(config),
        },
    });
    let creation = Creation {
        id: place.id.to_owned(),
        layers: image.layers.iter().rev().cloned().collect(),
        owner: (user.uid, user.gid),
        working_dir: PathBuf::from(working_dir),
        oom_score_adj: resources.map(|r| i32::try_from(r.oom_score_adj).unwrap_or_default()),
        seccomp: seccomp.file,
        selinux: confinement.selinux,
        sources: mounts::sources(config),
        closed: mounts.closed,
        agent: std::process::id(),
        shim: place.shim,
    };
    Ok(Prepared { oci, creation, foreign_pids, user, filters: seccomp.filters })
}
