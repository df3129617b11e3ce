//! What a node may have left on the machine, and taking it away.
//!
//! Everything that belongs to a node can be told by its data folder (a temporary folder with a name of its own), by
//! its bridge, or by the cgroups that its processes were seen in. Tests run side by side, so nothing else may be
//! looked at, let alone removed.

mod cgroups;
mod links;
mod mounts;
mod processes;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use processes::Owned;

/// How long ending processes and lazy unmounts may take to vanish.
const SETTLE: Duration = Duration::from_secs(5);

/// Folders of the data folder that are empty when no Pod is left.
const POD_FOLDERS: [&str; 3] = ["pods", "runtime/sandboxes", "runtime/containers"];

/// What belongs to one node.
#[derive(Debug)]
pub struct Footprint {
    data_dir: PathBuf,
    bridge: String,
    cgroups: BTreeSet<PathBuf>,
}

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A process of the node: agent, shim, helper or container.
    Process {
        /// Its id.
        pid: i32,
        /// Its command line.
        command: String,
    },
    /// A mount below the data folder; network namespaces are held by such mounts too.
    Mount(PathBuf),
    /// The bridge, or a link on it.
    Link(String),
    /// A cgroup that processes of the node were in.
    Cgroup(PathBuf),
    /// A folder of a Pod, sandbox or container.
    Folder(PathBuf),
    /// A table of the packet filter that names the bridge.
    FilterTable(String),
    /// A rule or chain of iptables that names the bridge, as the command that makes it.
    FilterRule(String),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, command } => write!(f, "process {pid}: {command}"),
            Self::Mount(point) => write!(f, "mount {}", point.display()),
            Self::Link(name) => write!(f, "link {name}"),
            Self::Cgroup(path) => write!(f, "cgroup {}", path.display()),
            Self::Folder(path) => write!(f, "folder {}", path.display()),
            Self::FilterRule(command) => write!(f, "{command}"),
            Self::FilterTable(name) => write!(f, "nftables table {name}"),
        }
    }
}

impl Footprint {
    /// The footprint of the node with this data folder and bridge.
    #[must_use]
    pub fn new(data_dir: &Path, bridge: &str) -> Self {
        Self { data_dir: data_dir.to_owned(), bridge: bridge.to_owned(), cgroups: BTreeSet::new() }
    }

    /// The same with a cgroup that is known beforehand.
    #[must_use]
    pub fn with_cgroup(mut self, path: &str) -> Self {
        self.cgroups.insert(PathBuf::from(path.trim_start_matches('/')));
        self
    }

    /// Takes note of the cgroups that processes of the node are in now: later they can't be told any more.
    pub fn observe(&mut self) {
        for process in self.processes() {
            self.cgroups.extend(cgroups::node_groups_of(process.pid));
        }
    }

    /// [Observes](Self::observe) unless the node's cgroups are known: they all lie below one folder.
    pub fn observe_once(&mut self) {
        if self.cgroups.is_empty() {
            self.observe();
        }
    }

    /// The node's processes: its agent, shims, helpers and containers.
    #[must_use]
    pub fn processes(&self) -> Vec<Owned> {
        processes::of(&self.data_dir)
    }

    /// All that is there now.
    #[must_use]
    pub fn find(&self) -> Vec<Leftover> {
        let mut found: Vec<Leftover> = self
            .processes()
            .into_iter()
            .map(|process| Leftover::Process { pid: process.pid, command: process.command })
            .collect();
        found.extend(mounts::below(&self.data_dir).into_iter().map(Leftover::Mount));
        found.extend(links::of(&self.bridge).into_iter().map(Leftover::Link));
        found.extend(cgroups::existing(&self.cgroups).into_iter().map(Leftover::Cgroup));
        found.extend(POD_FOLDERS.iter().flat_map(|folder| entries(&self.data_dir.join(folder))).map(Leftover::Folder));
        found.extend(links::tables_of(&self.bridge).into_iter().map(Leftover::FilterTable));
        let rules = links::iptables_of(&self.bridge).into_iter();
        found.extend(rules.map(|(program, table, made)| Leftover::FilterRule(format!("{program} -t {table} {made}"))));
        found
    }

    /// What is still there after giving it some seconds to go.
    #[must_use]
    pub fn find_settled(&self) -> Vec<Leftover> {
        self.find_settled_but(|_| false)
    }

    /// The same without what is meant to stay.
    #[must_use]
    pub fn find_settled_but(&self, stays: impl Fn(&Leftover) -> bool) -> Vec<Leftover> {
        let end = Instant::now() + SETTLE;
        loop {
            let found: Vec<Leftover> = self.find().into_iter().filter(|left| !stays(left)).collect();
            if found.is_empty() || Instant::now() >= end {
                return found;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Takes away by force what is there: after a test that failed.
    pub fn remove(&self) {
        let mut left = self.processes();
        let end = Instant::now() + SETTLE;
        while !left.is_empty() && Instant::now() < end {
            left.iter().for_each(Owned::kill);
            sleep(Duration::from_millis(20));
            left = self.processes();
        }
        mounts::below(&self.data_dir).iter().rev().for_each(|point| mounts::detach(point));
        links::remove(&self.bridge);
        cgroups::existing(&self.cgroups).iter().for_each(|group| cgroups::remove(group));
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
