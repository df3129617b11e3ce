//! Device nodes of a container and who may use them.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use reprise_cri::v1::ContainerConfig;
use serde_json::{Value, json};

use super::SpecError;

/// Nodes to make and rules for the cgroup.
pub struct Devices {
    /// Device nodes.
    pub nodes: Vec<Value>,
    /// Access rules.
    pub rules: Vec<Value>,
}

/// The devices of the request; all of the host's for a privileged container.
pub fn of(config: &ContainerConfig, privileged: bool) -> Result<Devices, SpecError> {
    let mut devices = Devices { nodes: Vec::new(), rules: vec![json!({"allow": privileged, "access": "rwm"})] };
    if privileged {
        host_devices(Path::new("/dev"), &mut devices.nodes);
    }
    for device in &config.devices {
        let error = |source| SpecError::Device { path: device.host_path.clone(), source };
        let metadata = fs::metadata(&device.host_path).map_err(error)?;
        let Some(mut node) = node(&device.container_path, &metadata) else {
            return Err(error(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a device")));
        };
        let access = if device.permissions.is_empty() { "rwm" } else { &device.permissions };
        let (kind, major, minor) = (node["type"].clone(), node["major"].clone(), node["minor"].clone());
        devices.rules.push(json!({"allow": true, "type": kind, "major": major, "minor": minor, "access": access}));
        devices.nodes.push(node.take());
    }
    Ok(devices)
}

fn node(path: &str, metadata: &fs::Metadata) -> Option<Value> {
    let kind = match metadata.file_type() {
        t if t.is_char_device() => "c",
        t if t.is_block_device() => "b",
        _ => return None,
    };
    let (major, minor) = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    let mode = metadata.mode() & 0o7777;
    Some(json!({"path": path, "type": kind, "major": major, "minor": minor, "fileMode": mode,
        "uid": metadata.uid(), "gid": metadata.gid()}))
}

/// What containers have of their own in `/dev`, or what belongs to terminals and shared memory, is left out.
fn host_devices(folder: &Path, nodes: &mut Vec<Value>) {
    const OWN: [&str; 11] =
        ["pts", "shm", "mqueue", "fd", "console", "null", "zero", "full", "random", "urandom", "tty"];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if OWN.iter().any(|own| entry.file_name() == *own) || entry.file_name() == "ptmx" {
            continue;
        }
        if kind.is_dir() {
            host_devices(&path, nodes);
        } else if let Ok(metadata) = entry.metadata() {
            nodes.extend(node(&path.to_string_lossy(), &metadata));
        }
    }
}
