//! Turns a CRI container config into the OCI config that libcontainer carries out. Pure but for reading the image's
//! user database.

mod capabilities;
mod devices;
mod mounts;
mod propagation;
mod resources;
pub mod user;

pub use mounts::sources as mount_sources;

use std::path::PathBuf;

use reprise_cri::v1::{ContainerConfig, LinuxContainerSecurityContext, NamespaceMode, security_profile};
use reprise_images::Image;
use serde_json::{Value, json};

use crate::create::Creation;
use crate::layout::{ContainerDir, SandboxDir};
use crate::shim::protocol::StreamsWanted;

/// Why a container config can't be carried out. All of these are the caller's to mend.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Neither the config nor the image says what to run.
    #[error("no command specified: neither the container nor the image {image} has one")]
    NoCommand {
        /// The image.
        image: String,
    },
    /// The user is not in the image.
    #[error(transparent)]
    User(#[from] user::UserError),
    /// A capability that does not exist.
    #[error("unknown capability {0:?}")]
    Capability(String),
    /// A mount without a source on this machine.
    #[error("mount {target}: {source_path} is not there")]
    MountSource {
        /// Where in the container.
        target: String,
        /// The missing source.
        source_path: String,
    },
    /// A mount that is to share what is mounted below it, on a host mount that does not.
    #[error(
        "mount {target}: {source_path} is on {point}, which is not {needed}; make it so with \
         `mount --make-rshared {point}`, or leave mountPropagation out"
    )]
    NotShared {
        /// Where in the container.
        target: String,
        /// The source.
        source_path: String,
        /// The host's mount that the source is on.
        point: String,
        /// What that mount would have to be.
        needed: &'static str,
    },
    /// A device that is not there.
    #[error("device {path} is not there")]
    Device {
        /// The device.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something that this runtime does not do.
    #[error("{0} is not supported by this runtime yet")]
    Unsupported(&'static str),
}

/// What is known about where the container will live.
pub struct Place<'a> {
    /// The container's id.
    pub id: &'a str,
    /// Its folder.
    pub folder: &'a ContainerDir,
    /// Its sandbox's folder.
    pub sandbox: &'a SandboxDir,
    /// The shim's process.
    pub shim: i32,
    /// The first process of the shared PID namespace, if there is one.
    pub pid_namespace: Option<i32>,
    /// Its cgroup.
    pub cgroup: &'a str,
    /// The compiled default seccomp profile.
    pub seccomp: Option<PathBuf>,
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
    /// Its standard streams.
    pub streams: StreamsWanted,
}

/// Prepares a container of `image`.
pub fn prepare(config: &ContainerConfig, image: &Image, place: &Place<'_>) -> Result<Prepared, SpecError> {
    refuse(config)?;
    let none = LinuxContainerSecurityContext::default();
    let linux = config.linux.as_ref();
    let security = linux.and_then(|l| l.security_context.as_ref()).unwrap_or(&none);
    let user = user::resolve(security, image)?;
    let seccomp = place.seccomp.clone().filter(|_| wants_default_seccomp(security));
    let working_dir = [config.working_dir.as_str(), image.working_dir(), "/"].into_iter().find(|d| !d.is_empty());
    let working_dir = working_dir.unwrap_or("/");
    let (namespaces, foreign_pids) = namespaces(security, place);
    let resources = linux.and_then(|l| l.resources.as_ref());
    let devices = devices::of(config, security.privileged)?;
    let mut capabilities = capabilities::of(security)?;
    if seccomp.is_some() && !security.no_new_privs {
        capabilities.allow_filter();
    }
    let oci = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": config.tty,
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups, "umask": 0o022},
            "args": command(config, image)?,
            "env": environment(config, image),
            "cwd": working_dir,
            "capabilities": capabilities.oci(),
            "noNewPrivileges": security.no_new_privs,
        },
        "root": {"path": place.folder.rootfs(), "readonly": security.readonly_rootfs},
        "mounts": mounts::of(config, security, place)?,
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
        seccomp,
        sources: mounts::sources(config),
        agent: std::process::id(),
    };
    let streams = StreamsWanted { stdin: config.stdin, stdin_once: config.stdin_once, tty: config.tty };
    Ok(Prepared { oci, creation, foreign_pids, streams })
}

/// What is left for later is said, not skipped.
fn refuse(config: &ContainerConfig) -> Result<(), SpecError> {
    let linux = config.linux.as_ref();
    let security = linux.and_then(|l| l.security_context.as_ref());
    let namespaces = security.and_then(|s| s.namespace_options.as_ref());
    let refused = [
        (!config.cdi_devices.is_empty(), "a CDI device"),
        (config.mounts.iter().any(|m| m.image.is_some()), "an image volume"),
        (linux.and_then(|l| l.resources.as_ref()).is_some_and(|r| !r.hugepage_limits.is_empty()), "a hugepage limit"),
        (namespaces.is_some_and(|n| n.pid() == NamespaceMode::Target), "a PID namespace of another container (TARGET)"),
        (
            security
                .and_then(|s| s.seccomp.as_ref())
                .is_some_and(|p| p.profile_type() == security_profile::ProfileType::Localhost),
            "a seccomp profile from a file (Localhost)",
        ),
    ];
    match refused.into_iter().find(|(used, _)| *used) {
        Some((_, what)) => Err(SpecError::Unsupported(what)),
        None => Ok(()),
    }
}

fn wants_default_seccomp(security: &LinuxContainerSecurityContext) -> bool {
    let runtime_default =
        |p: &reprise_cri::v1::SecurityProfile| p.profile_type() == security_profile::ProfileType::RuntimeDefault;
    !security.privileged && security.seccomp.as_ref().is_some_and(runtime_default)
}

fn command(config: &ContainerConfig, image: &Image) -> Result<Vec<String>, SpecError> {
    // As in CRI: a command replaces the image's entry point and its arguments; arguments replace the latter alone.
    let (entrypoint, image_arguments) = if config.command.is_empty() {
        (image.entrypoint(), image.cmd())
    } else {
        (config.command.as_slice(), &[][..])
    };
    let arguments = if config.args.is_empty() { image_arguments } else { config.args.as_slice() };
    let command: Vec<String> = entrypoint.iter().chain(arguments).cloned().collect();
    if command.is_empty() {
        let image = config.image.as_ref().map(|i| i.image.clone()).unwrap_or_default();
        return Err(SpecError::NoCommand { image });
    }
    Ok(command)
}

/// The image's variables, then the container's; a later value replaces an earlier one.
fn environment(config: &ContainerConfig, image: &Image) -> Vec<String> {
    const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let own = config.envs.iter().map(|e| format!("{}={}", e.key, String::from_utf8_lossy(&e.value)));
    let terminal = config.tty.then(|| "TERM=xterm".to_owned());
    let all = [PATH.to_owned()].into_iter().chain(terminal).chain(image.env().iter().cloned()).chain(own);
    let mut result: Vec<String> = Vec::new();
    for variable in all {
        let name = |v: &str| v.split('=').next().map(str::to_owned);
        match result.iter_mut().find(|known| name(known) == name(&variable)) {
            Some(known) => *known = variable,
            None => result.push(variable),
        }
    }
    result
}

fn namespaces(security: &LinuxContainerSecurityContext, place: &Place<'_>) -> (Vec<Value>, bool) {
    let of_shim = |kind: &str, file: &str| json!({"type": kind, "path": format!("/proc/{}/ns/{file}", place.shim)});
    let options = security.namespace_options.clone().unwrap_or_default();
    let mut list =
        vec![json!({"type": "mount"}), json!({"type": "cgroup"}), of_shim("uts", "uts"), of_shim("ipc", "ipc")];
    // On the host's network the shim is in the host's namespace itself.
    list.push(of_shim("network", "net"));
    let foreign = match (options.pid(), place.pid_namespace) {
        (NamespaceMode::Node, _) => true,
        (NamespaceMode::Pod, Some(init)) => {
            list.push(json!({"type": "pid", "path": format!("/proc/{init}/ns/pid")}));
            true
        }
        _ => {
            list.push(json!({"type": "pid"}));
            false
        }
    };
    (list, foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::KeyValue;

    fn image(config: Value) -> Image {
        let config = json!({"architecture": "amd64", "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": []}});
        Image {
            id: reprise_images::Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap(),
            repo_tags: Vec::new(),
            repo_digests: Vec::new(),
            size: 0,
            config: serde_json::from_value(config).unwrap(),
            layers: Vec::new(),
            chain_id: None,
            pinned: false,
        }
    }

    #[test]
    fn a_command_replaces_entrypoint_and_arguments_and_arguments_only_the_latter() {
        let image = image(json!({"Entrypoint": ["/e"], "Cmd": ["a"]}));
        let run = |command: &[&str], args: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
            let config = ContainerConfig { command: own(command), args: own(args), ..ContainerConfig::default() };
            super::command(&config, &image).unwrap().join(" ")
        };
        assert_eq!(run(&[], &[]), "/e a");
        assert_eq!(run(&["/c"], &[]), "/c");
        assert_eq!(run(&[], &["b"]), "/e b");
        assert_eq!(run(&["/c"], &["b"]), "/c b");
    }

    #[test]
    fn later_variables_replace_earlier_ones_in_place() {
        let image = image(json!({"Env": ["PATH=/bin", "A=1"]}));
        let envs = vec![KeyValue { key: "A".into(), value: "2".into() }];
        let config = ContainerConfig { envs, ..ContainerConfig::default() };
        assert_eq!(environment(&config, &image), ["PATH=/bin", "A=2"]);
    }
}
