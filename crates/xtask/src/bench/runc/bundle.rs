//! Root file systems on overlayfs, and the OCI configuration for runc.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use reprise_testkit::image::TestImage;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::Pid;
use serde_json::{Value, json};

use super::cgroup::Parent;
use crate::bench::marks::MOUNTED_AT;
use crate::bench::pod::{CPU_CORES, MEMORY_BYTES};

/// Microseconds over which a CPU limit counts, as Kubernetes sets it.
const CPU_PERIOD: i64 = 100_000;

/// What containers may do by default under Kubernetes.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

const MASKED: [&str; 7] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/scsi",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The layers of the test image with a shell, unpacked.
#[derive(Debug)]
pub struct Layers {
    /// For overlayfs: topmost first, with colons between.
    lower: String,
}

/// What one container's configuration is made of.
#[derive(Debug)]
pub struct Spec<'a> {
    /// What the shell runs.
    pub script: &'a str,
    /// Where its cgroup is.
    pub cgroup: &'a Parent,
    /// The folder with the pipes.
    pub marks: &'a Path,
    /// A process in the namespaces to share; `None` for new ones.
    pub sandbox: Option<Pid>,
}

impl Layers {
    /// Unpacks the image that `reprise` imports, layer by layer.
    pub fn unpack_busybox(folder: &Path) -> Result<Self> {
        let (archive, image) = (folder.join("image.tar"), folder.join("image"));
        TestImage::busybox()?.write_docker_archive(&archive).context("write the image")?;
        unpack(&archive, &image)?;
        let manifest: Value = serde_json::from_slice(&fs::read(image.join("manifest.json"))?)?;
        let names = manifest[0]["Layers"].as_array().context("the image has no list of layers")?;
        let mut folders = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let layer = folder.join(format!("layer-{number}"));
            unpack(&image.join(name.as_str().context("a layer has no name")?), &layer)?;
            folders.insert(0, layer.display().to_string());
        }
        Ok(Self { lower: folders.join(":") })
    }

    /// A bundle for the container `id`: a fresh overlay on the layers, and the configuration.
    pub fn bundle(&self, folder: &Path, id: &str, spec: &Spec) -> Result<Bundle> {
        let folder = folder.join(id);
        let bundle = Bundle { folder: folder.clone() };
        for part in ["upper", "work", "rootfs"] {
            fs::create_dir_all(folder.join(part)).with_context(|| format!("make {part} in {}", folder.display()))?;
        }
        let (upper, work) = (folder.join("upper"), folder.join("work"));
        let options =
            format!("lowerdir={},upperdir={},workdir={},volatile", self.lower, upper.display(), work.display());
        let root = folder.join("rootfs");
        let options = CString::new(options)?;
        mount("overlay", &root, "overlay", MountFlags::empty(), options.as_c_str())
            .with_context(|| format!("mount overlay on {}", root.display()))?;
        let config = serde_json::to_vec(&configuration(&root, id, spec))?;
        fs::write(folder.join("config.json"), config).context("write config.json")?;
        Ok(bundle)
    }
}

/// A bundle on disk. Dropping it unmounts and removes it.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
}

impl Bundle {
    /// The folder with `config.json`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let root = self.folder.join("rootfs");
        // Not mounted if making the bundle failed; anything else shows when the folder can't be removed.
        unmount(&root, UnmountFlags::DETACH).ok();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("xtask: remove {}: {error}", self.folder.display());
        }
    }
}

fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut command = Command::new("tar");
    command.arg("-xf").arg(archive).arg("-C").arg(folder);
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

fn configuration(root: &Path, id: &str, spec: &Spec) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": ["/bin/sh", "-c", spec.script],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": { "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES },
        },
        "root": { "path": root },
        "mounts": mounts(spec),
        "linux": {
            "cgroupsPath": spec.cgroup.path_of(id),
            "namespaces": namespaces(spec.sandbox),
            "resources": {
                "devices": [{ "allow": false, "access": "rwm" }],
                "memory": { "limit": MEMORY_BYTES },
                "cpu": { "shares": CPU_CORES * 1024, "quota": CPU_CORES * CPU_PERIOD, "period": CPU_PERIOD },
            },
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    })
}

/// Its own process ids, mounts and cgroups; network, IPC and host name of the sandbox.
fn namespaces(sandbox: Option<Pid>) -> Value {
    let own = ["pid", "mount", "cgroup"].map(|kind| json!({ "type": kind }));
    let shared = [("network", "net"), ("ipc", "ipc"), ("uts", "uts")].map(|(kind, file)| match sandbox {
        Some(pid) => json!({ "type": kind, "path": format!("/proc/{}/ns/{file}", pid.as_raw_nonzero()) }),
        None => json!({ "type": kind }),
    });
    own.into_iter().chain(shared).collect()
}

fn mounts(spec: &Spec) -> Value {
    json!([
        { "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"] },
        { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
          "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
          "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
        { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
          "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
        { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"] },
        { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"] },
        { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
          "options": ["nosuid", "noexec", "nodev", "relatime", "ro"] },
        { "destination": MOUNTED_AT, "type": "bind", "source": spec.marks, "options": ["rbind", "rprivate", "rw"] },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_share_the_sandboxs_namespaces_by_path_and_have_their_own_otherwise() {
        let shared = namespaces(Pid::from_raw(42));
        assert_eq!(shared[0], json!({ "type": "pid" }));
        assert_eq!(shared[3], json!({ "type": "network", "path": "/proc/42/ns/net" }));
        assert_eq!(namespaces(None)[3], json!({ "type": "network" }));
    }
}
