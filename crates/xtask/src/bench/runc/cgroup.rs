//! The cgroup that holds the containers' own, in all hierarchies.

use std::fs;
use std::path::{Path, PathBuf};

/// The parent of the containers' cgroups; runc makes it, and dropping this removes it.
#[derive(Debug)]
pub struct Parent {
    name: String,
}

impl Parent {
    /// One that nobody else has.
    pub fn new() -> Self {
        Self { name: format!("reprise-bench-{}", std::process::id()) }
    }

    /// The path for a container, as an OCI configuration wants it.
    pub fn path_of(&self, container: &str) -> String {
        format!("/{}/{container}", self.name)
    }

    /// Where it may be: in the root (version 2) or in each hierarchy (version 1).
    fn folders(&self) -> Vec<PathBuf> {
        let root = Path::new("/sys/fs/cgroup");
        let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
        let roots = hierarchies.filter(|path| !path.is_symlink()).chain([root.to_owned()]);
        roots.map(|root| root.join(&self.name)).filter(|folder| folder.is_dir()).collect()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        for folder in self.folders() {
            if let Err(error) = fs::remove_dir(&folder) {
                eprintln!("xtask: remove cgroup {}: {error}", folder.display());
            }
        }
    }
}
