//! Debian's containerd as a CRI runtime to compare with and to run Pods on, on folders, a socket, a bridge and a subnet of
//! its own.
//!
//! It is the child of a [guard]: a program that ends it and clears away all it has left as soon as the program that asked
//! for it is gone, however that ended. That is the running program once more if it calls [`guard_if_asked`] first.

mod config;
mod guard;
mod release;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::image::{TESTLOAD_IMAGE, TestImage};
use crate::leftovers::{Footprint, Leftover, Owned};
use crate::net_slot::NetSlot;

pub use config::PAUSE_IMAGE;
pub use guard::guard_if_asked;
pub use release::Release;
use release::look_there_first;

/// How long the CRI part may take to hear of an image.
const IMAGE_LIMIT: Duration = Duration::from_secs(30);

/// A running containerd. Ended when dropped.
#[derive(Debug)]
pub struct Containerd {
    folder: PathBuf,
    slot: NetSlot,
    programs: Option<PathBuf>,
    guard: Mutex<Guard>,
    footprint: Mutex<Footprint>,
}

#[derive(Debug)]
struct Guard {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Guard {
    /// Has it do something.
    fn ask(&mut self, word: &str) -> String {
        let asked = self.process.stdin.as_mut().map(|pipe| writeln!(pipe, "{word}"));
        assert!(matches!(asked, Some(Ok(()))), "the guard of containerd does not listen: {asked:?}");
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap_or_else(|error| panic!("guard of containerd: {error}"));
        line.trim_end().to_owned()
    }
}

impl Containerd {
    /// Starts the installed one and waits until it serves.
    ///
    /// # Panics
    /// It can't be started: install the Debian packages `containerd` and `containernetworking-plugins`.
    #[must_use]
    pub fn start() -> Self {
        Self::start_of(Release::Installed)
    }

    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// As [`Containerd::start`], or as [`Release::programs`].
    #[must_use]
    pub fn start_of(release: Release) -> Self {
        let (slot, programs) = (NetSlot::claim(), release.programs());
        let folder = tempfile::Builder::new().prefix("reprise-containerd-").tempdir();
        // The guard removes it: this program may not live to do so.
        let folder = folder.unwrap_or_else(|error| panic!("no folder for containerd: {error}")).keep();
        config::write(&folder, &slot).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut guard = Command::new(guard::program());
        guard.arg(guard::NAME).arg(&folder).arg(slot.bridge());
        guard.arg(programs.as_deref().unwrap_or(Path::new(guard::AS_USUAL)));
        // Ctrl-C must not reach it.
        let spawned = guard.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn();
        let mut process = spawned.unwrap_or_else(|error| panic!("guard of containerd: {error}"));
        let stdout = process.stdout.take().unwrap_or_else(|| panic!("guard of containerd has no output"));
        let mut guard = Guard { process, said: BufReader::new(stdout) };
        assert_eq!(guard.answer(), guard::READY, "containerd does not start");
        let footprint = Mutex::new(Footprint::new(&folder, &slot.bridge()));
        Self { folder, slot, programs, guard: Mutex::new(guard), footprint }
    }

    /// Starts one that can run the test workload in Pods.
    ///
    /// # Panics
    /// As [`Containerd::start_of`], or the images can't be imported.
    #[must_use]
    pub fn with_testload(release: Release) -> Self {
        let containerd = Self::start_of(release);
        let image = TestImage::testload().unwrap_or_else(|error| panic!("test image: {error}"));
        containerd.import(&image);
        containerd.import(&image.named(PAUSE_IMAGE).config("Cmd", json!(["forever"])));
        [TESTLOAD_IMAGE, PAUSE_IMAGE].iter().for_each(|name| containerd.wait_for_image(name));
        containerd
    }

    /// Ends it by SIGKILL, as a crash would. Its Pods go on.
    ///
    /// # Panics
    /// Its guard does not do that.
    pub fn kill(&self) {
        assert_eq!(self.guard().ask(guard::KILL), guard::KILLED);
    }

    /// Starts it again after a [kill](Self::kill), and waits until it serves.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&self) {
        assert_eq!(self.guard().ask(guard::START), guard::READY, "containerd does not start again");
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

    /// Its processes: itself, shims, helpers, containers.
    #[must_use]
    pub fn processes(&self) -> Vec<Owned> {
        self.footprint().processes()
    }

    /// The shims of its Pods.
    #[must_use]
    pub fn shims(&self) -> Vec<Owned> {
        self.processes().into_iter().filter(|process| process.command.contains("/containerd-shim-")).collect()
    }

    /// The bridge of its Pods.
    #[must_use]
    pub fn bridge(&self) -> String {
        self.slot.bridge()
    }

    /// Takes note of the cgroups that its Pods are in.
    pub fn observe(&self) {
        self.footprint().observe();
    }

    /// What there is of Pods: nothing of it may be there when all are removed.
    #[must_use]
    pub fn of_pods(&self) -> Vec<Leftover> {
        self.footprint().find_settled_but(|left| match left {
            Leftover::Process { command, .. } => {
                command.contains(guard::NAME) || command.contains("containerd --config")
            }
            // The plugin that makes it never takes it away.
            Leftover::Link(name) => *name == self.slot.bridge(),
            _ => false,
        })
    }

    /// Imports an image. The CRI part of containerd hears of it a moment later.
    ///
    /// # Panics
    /// The import failed.
    pub fn import(&self, image: &TestImage) {
        let file = tempfile::NamedTempFile::new_in(&self.folder).unwrap_or_else(|error| panic!("image: {error}"));
        image.write_docker_archive(file.path()).unwrap_or_else(|error| panic!("{}: {error}", file.path().display()));
        let path = file.path().to_string_lossy();
        self.ctr(&["images", "import", &path]).unwrap_or_else(|error| panic!("ctr images import: {error}"));
    }

    /// The CRI part labels images that it has heard of.
    fn wait_for_image(&self, name: &str) {
        let end = Instant::now() + IMAGE_LIMIT;
        let filter = format!("name=={name}");
        while !self.ctr(&["images", "ls", &filter]).is_ok_and(|list| list.contains("io.cri-containerd.image=managed")) {
            assert!(Instant::now() < end, "containerd's CRI does not hear of {name}");
            sleep(Duration::from_millis(20));
        }
    }

    fn ctr(&self, arguments: &[&str]) -> Result<String, String> {
        let mut ctr = Command::new("ctr");
        look_there_first(&mut ctr, self.programs.as_ref());
        ctr.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io"]).args(arguments);
        let output = ctr.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Ends it. What could not be cleared away after it, a line each.
    #[must_use]
    pub fn stop(self) -> String {
        self.end()
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn footprint(&self) -> MutexGuard<'_, Footprint> {
        self.footprint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) -> String {
        let mut guard = self.guard();
        drop(guard.process.stdin.take());
        let mut left = String::new();
        // What was read before an error still tells something.
        guard.said.read_to_string(&mut left).ok();
        guard.process.wait().ok();
        left
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.end();
    }
}
