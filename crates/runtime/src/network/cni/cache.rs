//! What was asked of plugins and what they answered, on disk: DEL and CHECK must be told the same, also by a runtime
//! that was started since, and after the configuration has changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::NetworkList;
use crate::disk::{self, DiskError};
use crate::network::host_port::HostPort;

/// One sandbox's attachment to a network. Written before the first plugin is run, and with the result after the last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachment {
    /// The Pod as `namespace/name`, for messages.
    pub pod: String,
    /// The network as it was configured then.
    pub network: NetworkList,
    /// Where its plugins are.
    pub bin_dirs: Vec<PathBuf>,
    /// The network namespace.
    pub netns: Namespace,
    /// `CNI_ARGS`.
    pub args: String,
    /// What is offered to plugins with the capability for it.
    pub capabilities: Map<String, Value>,
    /// Ports of the host.
    pub ports: Vec<HostPort>,
    /// The last plugin's answer.
    pub result: Option<Value>,
}

/// A network namespace by the process that holds it, and what tells it from the next one of a process with that number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    path: String,
    device: u64,
    inode: u64,
}

impl Namespace {
    /// The one of process `pid`.
    pub fn of(pid: i32) -> std::io::Result<Self> {
        let path = format!("/proc/{pid}/ns/net");
        let metadata = fs::metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// Its path, as long as it is there. Empty otherwise: another process may have the number, and its network must
    /// not be touched.
    pub fn path(&self) -> &str {
        let there = fs::metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == (self.device, self.inode));
        if there { &self.path } else { "" }
    }
}

/// The attachments of all sandboxes.
#[derive(Debug)]
pub struct Cache(PathBuf);

impl Cache {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn file(&self, sandbox: &str) -> PathBuf {
        self.0.join(format!("{sandbox}.json"))
    }

    pub fn read(&self, sandbox: &str) -> Result<Option<Attachment>, DiskError> {
        disk::read(&self.file(sandbox))
    }

    pub fn write(&self, sandbox: &str, attachment: &Attachment) -> Result<(), DiskError> {
        disk::make_dir(&self.0)?;
        disk::write(&self.file(sandbox), attachment, true)
    }

    pub fn remove(&self, sandbox: &str) -> Result<(), DiskError> {
        let file = self.file(sandbox);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(DiskError::io("remove", &file)(e)),
            _ => Ok(()),
        }
    }

    /// The sandboxes that have one.
    pub fn sandboxes(&self) -> Result<Vec<String>, DiskError> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(DiskError::io("list", &self.0)(e)),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect())
    }

    /// All of them.
    pub fn all(&self) -> Result<BTreeMap<String, Attachment>, DiskError> {
        let mut all = BTreeMap::new();
        for sandbox in self.sandboxes()? {
            if let Some(attachment) = self.read(&sandbox)? {
                all.insert(sandbox, attachment);
            }
        }
        Ok(all)
    }
}
