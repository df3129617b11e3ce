//! The sample device plugin as a process.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::node::Node;
use crate::program::sample_device_plugin_path;

/// A running sample plugin. Killed when dropped.
#[derive(Debug)]
pub struct DevicePlugin {
    child: Child,
}

impl DevicePlugin {
    /// Starts it beside `node`, whose agent need not run yet.
    ///
    /// # Panics
    /// It can't be started.
    #[must_use]
    pub fn start(node: &Node, arguments: &[&str]) -> Self {
        Self::start_in(&node.data_dir().join("device-plugins"), arguments)
    }

    /// Starts it in another folder.
    ///
    /// # Panics
    /// It can't be started.
    #[must_use]
    pub fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(sample_device_plugin_path());
        command.arg("--device-plugin-dir").arg(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        match command.spawn() {
            Ok(child) => Self { child },
            Err(error) => panic!("{command:?}: {error}"),
        }
    }
}

impl Drop for DevicePlugin {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
