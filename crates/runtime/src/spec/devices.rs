//! Device nodes of a container and who may use them.

use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use reprise_cri::v1::{ContainerConfig, Device};
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
        let access = access(device)?;
        let target = if device.container_path.is_empty() { &device.host_path } else { &device.container_path };
        let error = |source| SpecError::Device { path: device.host_path.clone(), source };
        let source = fs::canonicalize(&device.host_path).map_err(error)?;
        let mut nodes = Vec::new();
        nodes_at(&source, target, &mut nodes).map_err(error)?;
        if nodes.is_empty() {
            return Err(error(Error::new(ErrorKind::InvalidInput, "neither a device nor a folder with some")));
        }
        for node in nodes {
            let (kind, major, minor) = (&node["type"], &node["major"], &node["minor"]);
            devices.rules.push(json!({"allow": true, "type": kind, "major": major, "minor": minor, "access": access}));
            devices.nodes.retain(|known| known["path"] != node["path"]);
            devices.nodes.push(node);
        }
    }
    Ok(devices)
}

/// The permissions, all by default.
fn access(device: &Device) -> Result<&str, SpecError> {
    match device.permissions.as_str() {
        "" => Ok("rwm"),
        some if some.chars().all(|c| "rwm".contains(c)) => Ok(some),
        wrong => {
            let why = format!("{wrong:?} has more than r, w and m");
            Err(SpecError::Invalid { field: "devices.permissions", why })
        }
    }
}

/// The device at `source`, or all of a folder, as nodes at `target`.
fn nodes_at(source: &Path, target: &str, nodes: &mut Vec<Value>) -> std::io::Result<()> {
    let metadata = fs::metadata(source)?;
    if !metadata.is_dir() {
        nodes.extend(node(target, &metadata));
        return Ok(());
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let inside = format!("{}/{}", target.trim_end_matches('/'), entry.file_name().to_string_lossy());
        // Links in it may lead anywhere.
        if kind.is_dir() || kind.is_char_device() || kind.is_block_device() {
            nodes_at(&path, &inside, nodes)?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(host_path: &str, container_path: &str, permissions: &str) -> Result<Devices, SpecError> {
        let own = |s: &str| s.to_owned();
        let device =
            Device { host_path: own(host_path), container_path: own(container_path), permissions: own(permissions) };
        of(&ContainerConfig { devices: vec![device], ..Default::default() }, false)
    }

    #[test]
    fn a_device_gets_a_node_and_a_rule_and_a_missing_one_is_an_error() {
        let devices = with("/dev/null", "/dev/nothing", "r").unwrap();
        assert_eq!(devices.nodes[0]["path"], "/dev/nothing");
        assert_eq!(devices.rules[1], json!({"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}));
        assert!(with("/dev/no-such-device", "/dev/x", "").is_err());
        assert!(with("/dev/null", "/dev/x", "rwx").is_err());
        assert!(with("/etc/passwd", "/dev/x", "").is_err());
    }

    #[test]
    fn a_folder_stands_for_the_devices_in_it() {
        let devices = with("/dev/net", "/dev/net", "").or_else(|_| with("/dev/pts", "/dev/net", ""));
        for node in devices.map(|d| d.nodes).unwrap_or_default() {
            assert!(node["path"].as_str().unwrap().starts_with("/dev/net/"), "{node}");
        }
    }
}
