//! Debian's containerd as a CRI runtime to compare with, on folders, a socket, a bridge and a subnet of its own.
//!
//! It is the child of a [guard]: the running program once more, which ends it and clears away all it has left as soon
//! as the program that asked for it is gone, however that ended. A program that uses it calls [`guard_if_asked`] first.

mod config;
mod guard;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::image::TestImage;
use crate::leftovers::{Footprint, Owned};
use crate::net_slot::NetSlot;

pub use config::PAUSE_IMAGE;
pub use guard::guard_if_asked;

/// A running containerd. Ended when dropped.
#[derive(Debug)]
pub struct Containerd {
    folder: PathBuf,
    slot: NetSlot,
    guard: Child,
    said: BufReader<ChildStdout>,
}

impl Containerd {
    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// It can't be started: install the Debian packages `containerd` and `containernetworking-plugins`.
    #[must_use]
    pub fn start() -> Self {
        let slot = NetSlot::claim();
        let folder = tempfile::Builder::new().prefix("reprise-containerd-").tempdir();
        // The guard removes it: this program may not live to do so.
        let folder = folder.unwrap_or_else(|error| panic!("no folder for containerd: {error}")).keep();
        config::write(&folder, &slot).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let program = env::current_exe().unwrap_or_else(|error| panic!("path of this program: {error}"));
        let mut guard = Command::new(program);
        guard.arg(guard::NAME).arg(&folder).arg(slot.bridge()).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C must not reach it.
        let spawned = guard.process_group(0).spawn();
        let mut guard = spawned.unwrap_or_else(|error| panic!("guard of containerd: {error}"));
        let stdout = guard.stdout.take().unwrap_or_else(|| panic!("guard of containerd has no output"));
        let mut containerd = Self { folder, slot, guard, said: BufReader::new(stdout) };
        let mut line = String::new();
        containerd.said.read_line(&mut line).unwrap_or_else(|error| panic!("guard of containerd: {error}"));
        assert_eq!(line.trim_end(), guard::READY, "containerd does not start");
        containerd
    }

    /// Where it serves.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        config::socket(&self.folder)
    }

    /// Its folder, in which tests may put files of their own.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Below which cgroup Pods must be put, so that they are found again.
    #[must_use]
    pub fn cgroup_parent(&self) -> String {
        guard::cgroup(&self.slot.bridge())
    }

    /// The subnet of its Pods.
    #[must_use]
    pub fn subnet(&self) -> String {
        self.slot.subnet()
    }

    /// The process id of containerd itself.
    ///
    /// # Panics
    /// It has ended.
    #[must_use]
    pub fn pid(&self) -> i32 {
        let text = fs::read_to_string(guard::pid_file(&self.folder)).unwrap_or_default();
        text.trim().parse().unwrap_or_else(|_| panic!("containerd has no process id: {text:?}"))
    }

    /// The shims of its Pods.
    #[must_use]
    pub fn shims(&self) -> Vec<Owned> {
        let all = Footprint::new(&self.folder, &self.slot.bridge()).processes();
        all.into_iter().filter(|process| process.command.contains("/containerd-shim-")).collect()
    }

    /// Imports an image. The CRI part of containerd hears of it a moment later.
    ///
    /// # Panics
    /// The import failed.
    pub fn import(&self, image: &TestImage) {
        let file = tempfile::NamedTempFile::new_in(&self.folder).unwrap_or_else(|error| panic!("image: {error}"));
        image.write_docker_archive(file.path()).unwrap_or_else(|error| panic!("{}: {error}", file.path().display()));
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io", "images", "import"]).arg(file.path());
        let output = ctr.output().unwrap_or_else(|error| panic!("ctr: {error}"));
        assert!(output.status.success(), "ctr images import: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Ends it. What could not be cleared away after it, a line each.
    #[must_use]
    pub fn stop(mut self) -> String {
        self.end()
    }

    fn end(&mut self) -> String {
        drop(self.guard.stdin.take());
        let mut left = String::new();
        // What was read before an error still tells something.
        self.said.read_to_string(&mut left).ok();
        self.guard.wait().ok();
        left
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.end();
    }
}
