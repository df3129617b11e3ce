//! Where the runtime keeps things. Every path of its own is made here.

use std::path::{Path, PathBuf};

/// The folders below the runtime's root.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout below `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The image store.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// Held by the runtime that works on this folder.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// All sandboxes.
    pub fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    /// All containers.
    pub fn containers(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// The addresses that are taken.
    pub fn addresses(&self) -> PathBuf {
        self.root.join("addresses.json")
    }

    /// The ports of the host that lead to sandboxes on our own bridge.
    pub fn host_ports(&self) -> PathBuf {
        self.root.join("host-ports.json")
    }

    /// What CNI plugins were asked, a file for each sandbox.
    pub fn cni(&self) -> PathBuf {
        self.root.join("cni")
    }

    /// One sandbox.
    pub fn sandbox(&self, id: &str) -> SandboxDir {
        SandboxDir(self.sandboxes().join(id))
    }

    /// One container.
    pub fn container(&self, id: &str) -> ContainerDir {
        ContainerDir(self.containers().join(id))
    }
}

/// The folder of one sandbox.
#[derive(Debug, Clone)]
pub struct SandboxDir(PathBuf);

impl SandboxDir {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its record.
    pub fn record(&self) -> PathBuf {
        self.0.join("sandbox.json")
    }

    /// What the shim is told at its start.
    pub fn shim_config(&self) -> PathBuf {
        self.0.join(SHIM_CONFIG)
    }

    /// Where the shim listens.
    pub fn shim_socket(&self) -> PathBuf {
        self.0.join(SHIM_SOCKET)
    }

    /// What the shim says that nobody else hears.
    pub fn shim_log(&self) -> PathBuf {
        self.0.join("shim.log")
    }

    /// The containers' `/etc/resolv.conf`.
    pub fn resolv_conf(&self) -> PathBuf {
        self.0.join("resolv.conf")
    }

    /// The containers' `/etc/hostname`.
    pub fn hostname(&self) -> PathBuf {
        self.0.join("hostname")
    }

    /// The containers' `/etc/hosts`, where the request has none.
    pub fn hosts(&self) -> PathBuf {
        self.0.join("hosts")
    }

    /// Its limits, once they have been changed.
    pub fn resources(&self) -> PathBuf {
        self.0.join("resources.pb")
    }

    /// The containers' `/dev/shm`, a tmpfs in the shim's mount namespace.
    pub fn shm(&self) -> PathBuf {
        self.0.join("shm")
    }
}

/// File names that the shim uses relative to its sandbox folder, which is its working directory.
pub const SHIM_CONFIG: &str = "shim.json";
/// See [`SHIM_CONFIG`].
pub const SHIM_SOCKET: &str = "shim.sock";

/// The folder of one container.
#[derive(Debug, Clone)]
pub struct ContainerDir(PathBuf);

impl ContainerDir {
    /// A container's folder at a known place.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its record.
    pub fn record(&self) -> PathBuf {
        self.0.join("container.json")
    }

    /// The OCI bundle: `config.json`.
    pub fn bundle(&self) -> PathBuf {
        self.0.join("bundle")
    }

    /// What the create helper needs beyond the bundle.
    pub fn creation(&self) -> PathBuf {
        self.0.join("creation.json")
    }

    /// Where its root file system is mounted, in the shim's mount namespace.
    pub fn rootfs(&self) -> PathBuf {
        self.0.join("rootfs")
    }

    /// What the container writes on top of its image.
    pub fn upper(&self) -> PathBuf {
        self.0.join("upper")
    }

    /// The overlay's work folder.
    pub fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// The folder in which libcontainer makes the container's state folder.
    pub fn state_root(&self) -> PathBuf {
        self.0.join("state")
    }

    /// What belongs to programs that are being run in it, a folder each.
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }

    /// Where the create helper leaves the process id.
    pub fn pid_file(&self) -> PathBuf {
        self.0.join("pid")
    }

    /// Where the create helper leaves what went wrong.
    pub fn create_error(&self) -> PathBuf {
        self.0.join("create-error")
    }

    /// When its program was started.
    pub fn started(&self) -> PathBuf {
        self.0.join("started.json")
    }

    /// Its limits, once they have been changed.
    pub fn resources(&self) -> PathBuf {
        self.0.join("resources.pb")
    }

    /// Copies of sources of mounts while it is created, in the shim's mount namespace.
    pub fn closed_mounts(&self) -> PathBuf {
        self.0.join("closed-mounts")
    }

    /// A seccomp filter of its own.
    pub fn seccomp(&self) -> PathBuf {
        self.0.join("seccomp.bpf")
    }

    /// How it ended.
    pub fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }
}
