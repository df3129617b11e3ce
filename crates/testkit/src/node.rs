//! A node of its own for one test: data folder, bridge, subnet, and the `reprise` program run on them.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::containerd::{Containerd, Release};
use crate::image::TestImage;
use crate::leftovers::{Footprint, Leftover, Owned};
use crate::net_slot::NetSlot;
use crate::program::reprise_path;
use crate::run::RunCommand;

/// How long a verb other than `run` may take.
const VERB_LIMIT: Duration = Duration::from_secs(60);

/// A node for one test. When it is dropped, all its Pods are removed, and the test fails if anything is left.
#[derive(Debug)]
pub struct Node {
    folder: TempDir,
    slot: NetSlot,
    footprint: Arc<Mutex<Footprint>>,
    files: Cell<u32>,
    program: Option<PathBuf>,
    /// The runtime of the node if it is not the embedded one.
    containerd: Option<Containerd>,
}

/// The container runtime of a test's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The one in `reprise`.
    Embedded,
    /// A containerd for this node alone.
    Containerd(Release),
}

/// What a verb answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Answer {
    /// Requires success.
    ///
    /// # Panics
    /// The exit status is another than 0.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "failed: {self:#?}");
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// It is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}: {self:#?}"))
    }
}

impl Node {
    /// A node without images.
    ///
    /// # Panics
    /// Not run by root, or no room for a data folder.
    #[must_use]
    pub fn new() -> Self {
        assert!(rustix::process::getuid().is_root(), "tests that run containers must be run by root");
        let folder = tempfile::Builder::new().prefix("reprise-test-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no folder for a test: {error}"));
        let slot = NetSlot::claim();
        let footprint = Footprint::new(&folder.path().join("data"), &slot.bridge());
        Self {
            folder,
            slot,
            footprint: Arc::new(Mutex::new(footprint)),
            files: Cell::new(0),
            program: None,
            containerd: None,
        }
    }

    /// Runs this `reprise` instead of the one that tests run: one built for release, to be measured.
    #[must_use]
    pub fn of_program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// A node that has [`TESTLOAD_IMAGE`](crate::TESTLOAD_IMAGE).
    ///
    /// # Panics
    /// As [`Node::new`], or the import failed.
    #[must_use]
    pub fn with_testload() -> Self {
        let node = Self::new();
        let image = TestImage::testload();
        node.import(&image.unwrap_or_else(|error| panic!("test image: {error}")));
        node
    }

    /// A node on this runtime that has [`TESTLOAD_IMAGE`](crate::TESTLOAD_IMAGE).
    ///
    /// # Panics
    /// As [`Node::with_testload`], or as [`Containerd::with_testload`].
    #[must_use]
    pub fn with_testload_on(runtime: Runtime) -> Self {
        match runtime {
            Runtime::Embedded => Self::with_testload(),
            Runtime::Containerd(release) => {
                let mut node = Self::new();
                node.containerd = Some(Containerd::with_testload(release));
                node
            }
        }
    }

    /// The node's containerd.
    ///
    /// # Panics
    /// Its runtime is the embedded one.
    #[must_use]
    pub fn containerd(&self) -> &Containerd {
        self.containerd.as_ref().unwrap_or_else(|| panic!("the node has the embedded runtime"))
    }

    /// The data folder. It exists from the first verb on.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for files of the test, removed with the node; not part of the data folder.
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

    /// The IPv6 subnet, for `--subnet6` in tests that want one.
    #[must_use]
    pub fn subnet6(&self) -> String {
        self.slot.subnet6()
    }

    /// The `n`th port of the host that no other test uses.
    #[must_use]
    pub fn host_port(&self, n: u16) -> u16 {
        self.slot.host_port(n)
    }

    /// `reprise` with the flags that make it this node, by environment.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program.clone().unwrap_or_else(reprise_path));
        command.env("REPRISE_DATA_DIR", self.data_dir());
        match &self.containerd {
            Some(containerd) => command.env("REPRISE_CRI", format!("unix://{}", containerd.socket().display())),
            None => command.env("REPRISE_BRIDGE", self.slot.bridge()).env("REPRISE_SUBNET", self.slot.subnet()),
        };
        command
    }

    /// `reprise run -o json` of these manifests, to be started.
    #[must_use]
    pub fn run(&self, manifests: &[Value]) -> RunCommand {
        let files = manifests.iter().map(|manifest| self.write_manifest(manifest)).collect();
        self.run_files(files)
    }

    /// `reprise run -o json` of these files, to be started.
    #[must_use]
    pub fn run_files(&self, files: Vec<PathBuf>) -> RunCommand {
        let mut command = self.command();
        command.args(["run", "-o", "json"]);
        RunCommand::new(command, files, Arc::clone(&self.footprint))
    }

    /// `reprise` with another verb, to its end.
    ///
    /// # Panics
    /// It took longer than a minute.
    pub fn verb<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Answer {
        self.observe();
        let mut command = self.command();
        command.args(arguments);
        run_to_end(command)
    }

    /// Imports an image from a docker archive.
    ///
    /// # Panics
    /// The import failed.
    pub fn import(&self, image: &TestImage) {
        let file = self.scratch().join(format!("image-{}.tar", self.number()));
        image.write_docker_archive(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let _ = self.verb(&[OsStr::new("image"), OsStr::new("import"), file.as_os_str()]).ok();
        fs::remove_file(&file).ok();
    }

    /// The output of a container so far; `previous` for the run before the current one.
    ///
    /// # Panics
    /// `reprise logs` failed.
    #[track_caller]
    pub fn logs(&self, pod: &str, container: &str, previous: bool) -> String {
        let mut arguments = vec!["logs", pod, "-c", container];
        if previous {
            arguments.push("--previous");
        }
        self.verb(&arguments).ok().stdout
    }

    /// Runs a command in a container.
    pub fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Answer {
        self.verb(&[&["exec", pod, "-c", container, "--"], command].concat())
    }

    /// Takes note of the node's cgroups; done by itself when containers start, before each verb and at the end.
    pub fn observe(&self) {
        self.footprint().observe();
        self.containerd.iter().for_each(Containerd::observe);
    }

    /// The node's processes now: agent, shims, helpers, containers.
    #[must_use]
    pub fn processes(&self) -> Vec<Owned> {
        let of_runtime = self.containerd.iter().flat_map(Containerd::processes);
        self.footprint().processes().into_iter().chain(of_runtime).collect()
    }

    /// Takes away all that the node has on the machine but its files, as a reboot would: agent, shims, containers, mounts, links.
    pub fn lose_machine(&self) {
        self.observe();
        self.footprint().remove();
    }

    /// Removes all Pods and requires that nothing is left. Dropping the node does the same.
    ///
    /// # Panics
    /// Something is left.
    #[track_caller]
    pub fn assert_clean(&self) {
        let left = self.clean_up();
        assert!(left.is_empty(), "left behind: {}", list(&left));
    }

    fn clean_up(&self) -> Vec<Leftover> {
        self.observe();
        if self.data_dir().exists() {
            let answer = self.verb(&["rm", "--all"]);
            if answer.code != Some(0) {
                eprintln!("testkit: reprise rm --all: {answer:#?}");
            }
        }
        let mut left = self.footprint().find_settled();
        left.extend(self.containerd.iter().flat_map(Containerd::of_pods));
        left
    }

    fn footprint(&self) -> MutexGuard<'_, Footprint> {
        self.footprint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a manifest where the test can find it.
    fn write_manifest(&self, manifest: &Value) -> PathBuf {
        let file = self.scratch().join(format!("manifest-{}.json", self.number()));
        fs::write(&file, manifest.to_string()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        file
    }

    fn number(&self) -> u32 {
        self.files.replace(self.files.get() + 1)
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut left = list(&self.clean_up());
        if !left.is_empty() {
            self.footprint().remove();
        }
        if let Some(containerd) = self.containerd.take() {
            left += &containerd.stop();
        }
        if left.is_empty() {
            return;
        }
        let message = format!("left behind: {left}");
        if thread::panicking() {
            eprintln!("testkit: {message}");
        } else {
            panic!("{message}");
        }
    }
}

fn list(left: &[Leftover]) -> String {
    left.iter().map(|left| format!("\n  {left}")).collect()
}

/// Runs a command to its end, with a limit, and takes all it says.
fn run_to_end(mut command: Command) -> Answer {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let end = Instant::now() + VERB_LIMIT;
    let code = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.code(),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                child.kill().ok();
                child.wait().ok();
                panic!("{command:?}: still running after {VERB_LIMIT:?}\n{}", stderr.join().unwrap_or_default());
            }
            Err(error) => panic!("{command:?}: {error}"),
        }
    };
    Answer { code, stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default() }
}

fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error still tells something.
            pipe.read_to_end(&mut bytes).ok();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
