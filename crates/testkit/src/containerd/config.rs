//! What containerd is told: to keep to its own folders, and to do nothing but CRI.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::net_slot::NetSlot;

/// The image of its sandboxes' first process; imported by who starts it.
pub const PAUSE_IMAGE: &str = "reprise.test/pause:1";

/// Plugins that need something of the machine, or that do nothing for CRI.
const DISABLED: [&str; 7] = [
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.internal.v1.tracing",
    "io.containerd.internal.v1.opt",
];

pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("containerd.sock")
}

pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join("config.toml")
}

/// Writes its configuration, and that of the Pods' network.
pub(super) fn write(folder: &Path, slot: &NetSlot) -> io::Result<()> {
    fs::write(file(folder), toml(folder))?;
    fs::create_dir_all(folder.join("cni"))?;
    fs::write(folder.join("cni/10-pods.conflist"), network(folder, slot))
}

/// Without CAP_SYS_RESOURCE an `oom_score_adj` below its own is refused; restricting it is containerd's own way out.
/// Network namespaces are held below its folder, so that they can be told from those of others.
fn toml(folder: &Path) -> String {
    let (folder, disabled) = (folder.display(), json!(DISABLED));
    format!(
        r#"version = 2
root = "{folder}/root"
state = "{folder}/state"
temp = "{folder}/temp"
disabled_plugins = {disabled}

[grpc]
address = "{folder}/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
disable_apparmor = true
tolerate_missing_hugetlb_controller = true
netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"#
    )
}

fn network(folder: &Path, slot: &NetSlot) -> String {
    let ipam = json!({
        "type": "host-local",
        "dataDir": folder.join("addresses"),
        "ranges": [[{ "subnet": slot.subnet() }]],
        "routes": [{ "dst": "0.0.0.0/0" }],
    });
    json!({
        "cniVersion": "0.4.0",
        "name": slot.bridge(),
        "plugins": [
            { "type": "bridge", "bridge": slot.bridge(), "isGateway": true, "ipam": ipam },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
    .to_string()
}
