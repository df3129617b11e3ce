//! The process that runs containerd for another one, and outlives it to clear up.
//!
//! Its standard input is a pipe with a word a line for each thing to do, answered by a line each; the pipe's end is the
//! end of the program that wants containerd.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::config;
use super::release::look_there_first;
use crate::leftovers::Footprint;
use crate::program::guard_path;

pub(super) const NAME: &str = "__containerd-guard";
/// What the guard says when containerd serves.
pub(super) const READY: &str = "ready";
/// Asks for its end by SIGKILL; the answer says that it has ended.
pub(super) const KILL: &str = "kill";
pub(super) const KILLED: &str = "killed";
/// Asks for a new start; answered by [`READY`].
pub(super) const START: &str = "start";
/// The word for programs that are found as usual.
pub(super) const AS_USUAL: &str = "-";

/// How long containerd may take to serve, or to end.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The folder of all its Pods' cgroups, named like ours so that it is found.
pub(super) fn cgroup(bridge: &str) -> String {
    format!("/reprise-containerd-{bridge}")
}

pub(super) fn pid_file(folder: &Path) -> PathBuf {
    folder.join("containerd.pid")
}

/// Whether this program can be started as a guard.
static CAN_BE_GUARD: AtomicBool = AtomicBool::new(false);

/// Is the guard, and ends, if this program was started as one. To be called before anything else.
pub fn guard_if_asked() {
    CAN_BE_GUARD.store(true, Ordering::Relaxed);
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder, bridge, programs] = arguments.as_slice() else { return };
    if name == NAME {
        let programs = Some(PathBuf::from(programs)).filter(|folder| folder.as_os_str() != AS_USUAL);
        exit(guard(Path::new(folder), bridge, programs.as_ref()));
    }
}

/// The program to start as a guard: this one, or `containerd-guard` for one whose first steps are not ours to choose.
pub(super) fn program() -> PathBuf {
    if CAN_BE_GUARD.load(Ordering::Relaxed) {
        return env::current_exe().unwrap_or_else(|error| panic!("path of this program: {error}"));
    }
    guard_path()
}

fn guard(folder: &Path, bridge: &str, programs: Option<&PathBuf>) -> i32 {
    let mut footprint = Footprint::new(folder, bridge).with_cgroup(&cgroup(bridge));
    let mut containerd = match start(folder, programs) {
        Ok(containerd) => containerd,
        Err(error) => {
            eprintln!("testkit: containerd: {error}\n{}", log_of(folder));
            footprint.remove();
            return 1;
        }
    };
    println!("{READY}");
    // However reading ends, nobody wants containerd any more.
    for word in io::stdin().lock().lines().map_while(Result::ok) {
        match word.as_str() {
            KILL => {
                // Only fails if it has ended by itself.
                containerd.kill().ok();
                containerd.wait().ok();
                println!("{KILLED}");
            }
            START => match start(folder, programs) {
                Ok(again) => {
                    containerd = again;
                    println!("{READY}");
                }
                Err(error) => println!("{error}\n{}", log_of(folder)),
            },
            other => println!("{other:?} is nothing that a guard does"),
        }
    }
    end(&mut containerd);
    footprint.observe();
    footprint.remove();
    let left = footprint.find_settled();
    left.iter().for_each(|left| println!("{left}"));
    if let Err(error) = fs::remove_dir_all(folder) {
        println!("{}: {error}", folder.display());
    }
    i32::from(!left.is_empty())
}

/// Containerd, as soon as it serves. It dies with the guard.
fn start(folder: &Path, programs: Option<&PathBuf>) -> io::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("containerd.log"))?;
    // What a killed one has left would look like one that serves.
    fs::remove_file(config::socket(folder)).ok();
    let mut command = Command::new("setpriv");
    look_there_first(&mut command, programs);
    command.args(["--pdeathsig", "KILL", "containerd", "--config"]).arg(config::file(folder));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = command.process_group(0).spawn()?;
    fs::write(pid_file(folder), child.id().to_string())?;
    let end = Instant::now() + LIMIT;
    while UnixStream::connect(config::socket(folder)).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("ended: {status}")));
        }
        if Instant::now() > end {
            child.kill()?;
            return Err(io::Error::other(format!("does not serve after {LIMIT:?}")));
        }
        sleep(LOOK_EVERY);
    }
    Ok(child)
}

fn end(containerd: &mut Child) {
    // Only fails if it has ended by itself.
    kill_process(Pid::from_child(containerd), Signal::TERM).ok();
    let end = Instant::now() + LIMIT;
    while containerd.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() > end {
            containerd.kill().ok();
        }
        sleep(LOOK_EVERY);
    }
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("containerd.log")).unwrap_or_default()
}
