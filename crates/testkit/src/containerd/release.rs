//! Which containerd: the one that this Debian has, or one of a newer Debian that was unpacked beside it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Where `cargo xtask test` says that it has put the newer one's programs.
const NEWER: &str = "REPRISE_NEWER_CONTAINERD";

/// A release of containerd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The installed package: 1.6 on Debian 12, which has no container events.
    Installed,
    /// Version 2 of the next Debian, unpacked and not installed.
    Newer,
}

impl Release {
    /// The folder of its programs; none where they are found as usual.
    ///
    /// # Panics
    /// The newer one is not there.
    #[must_use]
    pub fn programs(self) -> Option<PathBuf> {
        match self {
            Self::Installed => None,
            Self::Newer => {
                let folder = PathBuf::from(env::var_os(NEWER).unwrap_or_default());
                let is_there = folder.join("containerd").is_file();
                assert!(
                    is_there,
                    "no containerd in {NEWER}={}: run `cargo xtask test`, which sets it",
                    folder.display()
                );
                Some(folder)
            }
        }
    }
}

/// Has `command` find programs in this folder first: containerd looks for its shim by name.
pub(super) fn look_there_first(command: &mut Command, programs: Option<&PathBuf>) {
    if let Some(folder) = programs {
        let usual = env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(folder.clone()).chain(env::split_paths(&usual));
        // Only fails for a folder with a colon in its name, which then is not looked into.
        command.env("PATH", env::join_paths(all).unwrap_or_else(|_| OsString::from(&usual)));
    }
}
