//! Which container runtime a node uses: the one in this program, or one that serves CRI on a socket.
//!
//! Pods stay with the runtime that they were started with, so the choice is remembered in the data folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use reprise_node::read_views;
use serde::{Deserialize, Serialize};

use crate::cli::NodeArgs;
use crate::failure::BadInput;
use crate::settings::Settings;

/// How the flag names the runtime of this program.
const EMBEDDED: &str = "embedded";
/// What a socket's address begins with.
const SCHEME: &str = "unix://";

/// The runtime of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RuntimeChoice {
    /// Ours, started with the agent.
    #[default]
    Embedded,
    /// Somebody else's, at this socket.
    Socket(PathBuf),
}

/// What is no runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a socket is needed, such as unix:///run/containerd/containerd.sock, or embedded for the runtime in this program"
)]
pub struct NoRuntime;

impl RuntimeChoice {
    pub fn is_embedded(&self) -> bool {
        *self == Self::Embedded
    }

    /// The socket of a runtime that is not ours.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Embedded => None,
            Self::Socket(path) => Some(path),
        }
    }

    /// Refuses flags that only the embedded runtime can follow.
    pub fn check_flags(&self, args: &NodeArgs) -> Result<()> {
        let Self::Socket(_) = self else { return Ok(()) };
        let network = "the runtime makes the network of its Pods: configure it there (CNI), or leave out";
        let given = [
            (args.bridge.is_some(), "--bridge", network),
            (args.subnet.is_some(), "--subnet", network),
            (args.subnet6.is_some(), "--subnet6", network),
            (
                args.registry_config.is_some(),
                "--registry-config",
                "the runtime pulls the images: configure it there, or leave out",
            ),
        ];
        let wrong = given.into_iter().filter(|(given, ..)| *given);
        let wrong: Vec<String> = wrong.map(|(_, flag, why)| format!("{flag}: {why} --cri {self}")).collect();
        if wrong.is_empty() { Ok(()) } else { Err(BadInput::all(wrong).into()) }
    }
}

impl Settings {
    /// Refuses to look for the Pods of a data folder in another runtime than the one that has them.
    pub fn check_runtime(&self) -> Result<()> {
        let Some(known) = self.known_runtime.as_ref().filter(|known| **known != self.runtime) else { return Ok(()) };
        let pods = read_views(&self.data_dir)?;
        if pods.is_empty() {
            return Ok(());
        }
        let (folder, count) = (self.data_dir.display(), pods.len());
        let message = format!(
            "--cri {}: {count} Pods in {folder} run with --cri {known}: remove them first (reprise --cri {known} rm --all), \
             or use another --data-dir",
            self.runtime
        );
        Err(BadInput::new(message).into())
    }

    /// Refuses, with `why`, what only the embedded runtime can do.
    pub fn require_embedded(&self, verb: &str, why: &str) -> Result<()> {
        match &self.runtime {
            RuntimeChoice::Embedded => Ok(()),
            runtime => Err(BadInput::new(format!("{verb}: not with --cri {runtime}: {why}")).into()),
        }
    }
}

impl FromStr for RuntimeChoice {
    type Err = NoRuntime;

    fn from_str(text: &str) -> Result<Self, NoRuntime> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let path = text.strip_prefix(SCHEME).map(Path::new).filter(|path| path.is_absolute());
        path.map(|path| Self::Socket(path.to_owned())).ok_or(NoRuntime)
    }
}

impl fmt::Display for RuntimeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str(EMBEDDED),
            Self::Socket(path) => write!(f, "{SCHEME}{}", path.display()),
        }
    }
}

impl TryFrom<String> for RuntimeChoice {
    type Error = NoRuntime;

    fn try_from(text: String) -> Result<Self, NoRuntime> {
        text.parse()
    }
}

impl From<RuntimeChoice> for String {
    fn from(choice: RuntimeChoice) -> Self {
        choice.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_named_by_its_socket_and_by_nothing_else() {
        let socket = "unix:///run/containerd/containerd.sock";
        let choice: RuntimeChoice = socket.parse().unwrap();
        assert_eq!(
            (choice.socket(), choice.to_string().as_str()),
            (Some(Path::new("/run/containerd/containerd.sock")), socket)
        );
        assert_eq!("embedded".parse(), Ok(RuntimeChoice::Embedded));
        for wrong in ["", "unix://", "unix://a", "/run/a.sock", "tcp://127.0.0.1:1", "containerd"] {
            assert_eq!(wrong.parse::<RuntimeChoice>(), Err(NoRuntime), "{wrong}");
        }
    }
}
