//! The process that runs containerd for another one, and outlives it to clear up.
//!
//! Its standard input is a pipe that nobody writes to: its end is the end of the program that wants containerd.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::config;
use crate::leftovers::Footprint;

pub(super) const NAME: &str = "__containerd-guard";
/// What the guard says when containerd serves.
pub(super) const READY: &str = "ready";

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

/// Is the guard, and ends, if this program was started as one. To be called before anything else.
pub fn guard_if_asked() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder, bridge] = arguments.as_slice() else { return };
    if name == NAME {
        exit(guard(Path::new(folder), bridge));
    }
}

fn guard(folder: &Path, bridge: &str) -> i32 {
    let mut footprint = Footprint::new(folder, bridge).with_cgroup(&cgroup(bridge));
    let mut containerd = match start(folder) {
        Ok(containerd) => containerd,
        Err(error) => {
            eprintln!("testkit: containerd: {error}\n{}", log_of(folder));
            footprint.remove();
            return 1;
        }
    };
    println!("{READY}");
    // However reading ends, nobody wants containerd any more.
    io::stdin().read_to_end(&mut Vec::new()).ok();
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
fn start(folder: &Path) -> io::Result<Child> {
    let log = File::create(folder.join("containerd.log"))?;
    let mut command = Command::new("setpriv");
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
