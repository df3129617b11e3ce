//! Where things lie below the data folder. Every path that the node uses is made here.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;

use crate::pod_key::{PodKey, uid_of};

/// The folders and files of one node.
#[derive(Debug, Clone)]
pub struct NodePaths {
    data_dir: PathBuf,
}

/// The folders and files of one Pod.
#[derive(Debug, Clone)]
pub struct PodPaths {
    folder: PathBuf,
    logs: PathBuf,
}

impl NodePaths {
    /// The paths below `data_dir`.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// Held by the one agent that works on this data folder.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.data_dir.join("agent.lock")
    }

    /// Where the running agent takes requests.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.data_dir.join("agent.sock")
    }

    /// The folder of what the HTTP API needs: its token, and the certificate that it was given or made.
    #[must_use]
    pub fn http_folder(&self) -> PathBuf {
        self.data_dir.join("kubelet")
    }

    /// The token that lets a client of the HTTP API in.
    #[must_use]
    pub fn http_token(&self) -> PathBuf {
        self.http_folder().join("token")
    }

    /// Which node this is.
    #[must_use]
    pub fn node_id(&self) -> PathBuf {
        self.data_dir.join("node-id")
    }

    /// Where Pods reach the cluster's API.
    #[must_use]
    pub fn api_service(&self) -> PathBuf {
        self.data_dir.join("api-service.json")
    }

    /// When images were seen and used.
    #[must_use]
    pub fn image_history(&self) -> PathBuf {
        self.data_dir.join("images.json")
    }

    /// The folder of all Pods' folders of logs.
    #[must_use]
    pub fn log_folders(&self) -> PathBuf {
        self.data_dir.join("logs").join("pods")
    }

    /// Where `localhostProfile` of a seccomp profile is looked up, as in the kubelet's folder of that name.
    #[must_use]
    pub fn seccomp_profiles(&self) -> PathBuf {
        self.data_dir.join("seccomp")
    }

    /// Where device plugins register, unless they have a folder elsewhere.
    #[must_use]
    pub fn device_plugins(&self) -> PathBuf {
        self.data_dir.join("device-plugins")
    }

    /// The folder of all Pods' records.
    #[must_use]
    pub fn pods(&self) -> PathBuf {
        self.data_dir.join("pods")
    }

    /// The folder of what Pods refer to.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.data_dir.join("objects")
    }

    /// The paths of one Pod.
    #[must_use]
    pub fn pod(&self, pod: &Pod) -> PodPaths {
        let (key, uid) = (PodKey::of(pod), uid_of(pod));
        let log_name = format!("{}_{}_{uid}", key.namespace, key.name);
        PodPaths { folder: self.pods().join(uid), logs: self.log_folders().join(log_name) }
    }
}

impl PodPaths {
    /// The Pod's own folder, `pods/<uid>`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Pod as admitted.
    #[must_use]
    pub fn pod_file(&self) -> PathBuf {
        self.folder.join("pod.json")
    }

    /// The Pod's ledger.
    #[must_use]
    pub fn ledger_file(&self) -> PathBuf {
        self.folder.join("ledger.json")
    }

    /// The Pod's devices.
    #[must_use]
    pub fn devices_file(&self) -> PathBuf {
        self.folder.join("devices.json")
    }

    /// The newest status, for whoever looks from outside.
    #[must_use]
    pub fn status_file(&self) -> PathBuf {
        self.folder.join("status.json")
    }

    /// What happened, and the record of each restart.
    #[must_use]
    pub fn timeline_file(&self) -> PathBuf {
        self.folder.join("timeline.jsonl")
    }

    /// The file that containers see as `/etc/hosts`.
    #[must_use]
    pub fn etc_hosts(&self) -> PathBuf {
        self.folder.join("etc-hosts")
    }

    /// The folder of an emptyDir volume.
    #[must_use]
    pub fn empty_dir(&self, volume: &str) -> PathBuf {
        self.volume("kubernetes.io~empty-dir", volume)
    }

    /// The folder of a volume of any kind.
    #[must_use]
    pub fn volume(&self, plugin: &str, volume: &str) -> PathBuf {
        self.plugin(plugin).join(volume)
    }

    /// The folder of all volumes of one kind.
    #[must_use]
    pub fn plugin(&self, plugin: &str) -> PathBuf {
        self.volumes().join(plugin)
    }

    /// The folder of all volumes that the node makes.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.folder.join("volumes")
    }

    /// The folder that is there as long as the Pod uses a claim.
    #[must_use]
    pub fn claim_in_use(&self, claim: &str) -> PathBuf {
        self.folder.join("claims").join(claim)
    }

    /// Where the sub-path of a container's mount, by its place in the list, is bound.
    #[must_use]
    pub fn sub_path(&self, volume: &str, container: &str, mount: usize) -> PathBuf {
        self.folder.join("volume-subpaths").join(volume).join(container).join(mount.to_string())
    }

    /// The file into which a container writes its termination message.
    #[must_use]
    pub fn termination_log(&self, container: &str) -> PathBuf {
        self.folder.join("containers").join(container).join("termination-log")
    }

    /// The folder of the Pod's logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The log of one run of a container, relative to [`PodPaths::logs`].
    #[must_use]
    pub fn log_name(container: &str, attempt: u32) -> String {
        format!("{container}/{attempt}.log")
    }

    /// The log of one run of a container.
    #[must_use]
    pub fn log(&self, container: &str, attempt: u32) -> PathBuf {
        self.logs.join(Self::log_name(container, attempt))
    }
}
