//! `reprise cri` on a data folder, bridge and subnet of its own: the container runtime alone, for one test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::image::TestImage;
use crate::leftovers::{Footprint, Leftover, Owned};
use crate::net_slot::NetSlot;
use crate::program::reprise_path;

/// How long the runtime may take to serve, or to end.
const LIMIT: Duration = Duration::from_secs(30);

/// A runtime for one test. When it is dropped it is ended, and the test fails if anything is left: removing the
/// sandboxes is the test's to do.
#[derive(Debug)]
pub struct CriServer {
    folder: TempDir,
    slot: NetSlot,
    footprint: Mutex<Footprint>,
    program: PathBuf,
    arguments: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl CriServer {
    /// A runtime that is not started yet, without images.
    ///
    /// # Panics
    /// Not run by root, or no room for a data folder.
    #[must_use]
    pub fn new() -> Self {
        Self::of_program(&reprise_path())
    }

    /// The same of another program than tests use: one built for release, to be measured.
    ///
    /// # Panics
    /// As [`CriServer::new`].
    #[must_use]
    pub fn of_program(program: &Path) -> Self {
        assert!(rustix::process::getuid().is_root(), "tests that run containers must be run by root");
        let folder = tempfile::Builder::new().prefix("reprise-test-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no folder for a test: {error}"));
        let slot = NetSlot::claim();
        let footprint = Mutex::new(Footprint::new(&folder.path().join("data"), &slot.bridge()));
        let (program, child) = (program.to_owned(), Mutex::new(None));
        Self { folder, slot, footprint, program, arguments: Vec::new(), child }
    }

    /// Adds an argument to `reprise cri`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it, and waits until it serves.
    ///
    /// # Panics
    /// It did not within half a minute, or ended: with what it said.
    pub fn start(&self) {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.unwrap_or_else(|error| panic!("{}: {error}", self.log().display()));
        let mut command = self.command();
        command.arg("cri").arg("--listen").arg(format!("unix://{}", self.socket().display())).args(&self.arguments);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        *self.child() = Some(spawned.unwrap_or_else(|error| panic!("{command:?}: {error}")));
        self.wait_until_it_serves();
    }

    fn wait_until_it_serves(&self) {
        let end = Instant::now() + LIMIT;
        while UnixStream::connect(self.socket()).is_err() {
            let ended = self.child().as_mut().and_then(|child| child.try_wait().ok().flatten());
            let story = || fs::read_to_string(self.log()).unwrap_or_default();
            assert!(ended.is_none(), "reprise cri ended: {ended:?}\n{}", story());
            assert!(Instant::now() < end, "reprise cri does not serve after {LIMIT:?}\n{}", story());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills it, as a crash would end it, and waits for its end.
    pub fn kill(&self) {
        self.end_by(Signal::KILL);
    }

    /// Ends it as a service manager would. Its sandboxes go on.
    pub fn stop(&self) {
        self.end_by(Signal::TERM);
    }

    fn end_by(&self, signal: Signal) {
        let Some(mut child) = self.child().take() else { return };
        self.observe();
        // Only fails if it has ended by itself.
        kill_process(Pid::from_child(&child), signal).ok();
        let end = Instant::now() + LIMIT;
        while child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > end {
                eprintln!("testkit: reprise cri does not end by {signal:?}, killed");
                child.kill().ok();
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The process id of the runtime.
    ///
    /// # Panics
    /// It does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child().as_ref().map_or_else(|| panic!("reprise cri does not run"), Child::id)
    }

    /// Where it serves.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.scratch().join("cri.sock")
    }

    /// What it said to people, of all its starts.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.scratch().join("cri.log")
    }

    /// The data folder. It exists from the first start or import on.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for files of the test, removed with the runtime; not part of the data folder.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The bridge's name.
    #[must_use]
    pub fn bridge(&self) -> String {
        self.slot.bridge()
    }

    /// The subnet.
    #[must_use]
    pub fn subnet(&self) -> String {
        self.slot.subnet()
    }

    /// `reprise` with the flags that make it this node, by environment.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("REPRISE_DATA_DIR", self.data_dir())
            .env("REPRISE_BRIDGE", self.slot.bridge())
            .env("REPRISE_SUBNET", self.slot.subnet());
        command
    }

    /// Imports an image; the runtime may run or not.
    ///
    /// # Panics
    /// The import failed.
    pub fn import(&self, image: &TestImage) {
        let file = self.scratch().join("image.tar");
        image.write_docker_archive(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let arguments = [OsStr::new("image"), OsStr::new("import"), file.as_os_str()];
        let output = self.command().args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("reprise image import: {error}"));
        assert!(output.status.success(), "reprise image import: {}", String::from_utf8_lossy(&output.stderr));
        fs::remove_file(&file).ok();
    }

    /// Takes note of the runtime's cgroups; done by itself when it ends.
    pub fn observe(&self) {
        self.footprint().observe();
    }

    /// The processes now: runtime, shims, helpers, containers.
    #[must_use]
    pub fn processes(&self) -> Vec<Owned> {
        self.footprint().processes()
    }

    /// The shims among them.
    #[must_use]
    pub fn shims(&self) -> Vec<Owned> {
        let is_shim = |process: &Owned| process.command.split(' ').nth(1).is_some_and(|word| word == "__shim");
        self.processes().into_iter().filter(is_shim).collect()
    }

    /// What is there now that would be left if the runtime ended.
    #[must_use]
    pub fn leftovers(&self) -> Vec<Leftover> {
        let own = self.child().as_ref().and_then(|child| i32::try_from(child.id()).ok());
        let is_own = |left: &Leftover| matches!(left, Leftover::Process { pid, .. } if Some(*pid) == own);
        self.footprint().find().into_iter().filter(|left| !is_own(left)).collect()
    }

    /// Takes away all that the runtime has on the machine but its files, as a reboot would.
    pub fn lose_machine(&self) {
        self.kill();
        self.footprint().remove();
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn footprint(&self) -> MutexGuard<'_, Footprint> {
        self.footprint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for CriServer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CriServer {
    fn drop(&mut self) {
        self.stop();
        let left = self.footprint().find_settled();
        if left.is_empty() {
            return;
        }
        self.footprint().remove();
        let list: String = left.iter().map(|left| format!("\n  {left}")).collect();
        if thread::panicking() {
            eprintln!("testkit: left behind: {list}");
        } else {
            let said = fs::read_to_string(self.log()).unwrap_or_default();
            panic!("left behind: {list}\n{said}");
        }
    }
}
