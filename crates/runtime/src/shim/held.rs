//! A container in its shim: created by a helper, started, its output pumped, its end noted.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use libcontainer::notify_socket::{NOTIFY_FILE, NotifySocket};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};

use super::attachment::Attachment;
use super::log_writer::{LogWriter, Stream};
use super::protocol::{CANNOT_START, ContainerState, Exit, StreamsWanted};
use super::streams::Streams;
use crate::layout::ContainerDir;
use crate::{cgroup, disk, mounted, reexec};

const SIGKILL: i32 = 9;
/// Longer than what has created a container takes to end.
const CREATORS_END: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How many times 32 KiB of one container are moved before others get their turn.
const TURN: usize = 32;
/// The same for what an ended container leaves: more than its pipes can hold.
const LAST_TURN: usize = 512;

/// A container that this shim holds.
pub struct Held {
    pub id: String,
    pub folder: ContainerDir,
    pub cgroup: String,
    foreign_pids: bool,
    /// The process of the create helper while it is at work.
    pub helper: Option<i32>,
    /// The container's first process.
    pub pid: Option<i32>,
    pub streams: Streams,
    /// Clients, by the number of their connection.
    pub attached: BTreeMap<u64, Attachment>,
    /// Closed by the kernel when the program is executed; carries a sentence if that fails.
    pub executed: Option<OwnedFd>,
    pub exec_error: Vec<u8>,
    pub log: Option<LogWriter>,
    pub started_at: Option<Timestamp>,
    pub exit: Option<Exit>,
    /// Nobody wants it any more: it goes when it has ended.
    pub discarded: bool,
    /// It was killed while it was being created: it ends when it has been.
    pub killed: bool,
}

impl Held {
    /// Starts the helper that creates the container.
    pub fn create(
        id: String,
        folder: PathBuf,
        cgroup: String,
        foreign_pids: bool,
        wanted: StreamsWanted,
    ) -> io::Result<Self> {
        let folder = ContainerDir::at(folder);
        let (executed, executed_in) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&executed, true)?;
        // Only this one is inherited: the shim has one thread, so no other child can be started meanwhile.
        fcntl_setfd(&executed_in, FdFlags::empty())?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(reexec::CREATE).arg(folder.path()).arg(executed_in.as_raw_fd().to_string()).env_clear();
        let (streams, inherited) = Streams::make(wanted, &mut command)?;
        let helper = command.spawn()?;
        drop(inherited);
        let helper = Some(i32::try_from(helper.id()).unwrap_or_default());
        Ok(Self {
            id,
            folder,
            cgroup,
            foreign_pids,
            helper,
            pid: None,
            streams,
            attached: BTreeMap::new(),
            executed: Some(executed),
            exec_error: Vec::new(),
            log: None,
            started_at: None,
            exit: None,
            discarded: false,
            killed: false,
        })
    }

    /// The helper is done: the container's process id, or what went wrong.
    pub fn created(&mut self, helper_succeeded: bool) -> Result<i32, String> {
        self.helper = None;
        let pid = fs::read_to_string(self.folder.pid_file()).ok().and_then(|text| text.trim().parse().ok());
        match pid.filter(|_| helper_succeeded) {
            Some(pid) => {
                self.pid = Some(pid);
                if let Err(e) = self.streams.take_terminal() {
                    eprintln!("{}: its terminal did not come: {e}", self.id);
                }
                Ok(pid)
            }
            None => {
                let said = fs::read_to_string(self.folder.create_error()).unwrap_or_default();
                let said = if said.is_empty() { "the create helper died".to_owned() } else { said };
                Err(said)
            }
        }
    }

    /// Lets the created container execute its program. Whether that works is seen on [`Held::executed`].
    pub fn start(&mut self, log: Option<PathBuf>) -> Result<(), String> {
        if self.exit.is_some() || self.started_at.is_some() || self.pid.is_none() {
            return Err("the container is not in the state created".to_owned());
        }
        if let Some(path) = log {
            let opened = LogWriter::open(path.clone());
            self.log = Some(opened.map_err(|e| format!("open the log {}: {e}", path.display()))?);
        }
        let socket = self.folder.state_root().join(&self.id).join(NOTIFY_FILE);
        NotifySocket::new(socket).notify_container_start().map_err(|e| format!("wake the container: {e}"))
    }

    /// Reads what [`Held::executed`] says. Some when it is decided: started, or not and why.
    pub fn execution(&mut self, now: Timestamp) -> Option<Result<Timestamp, String>> {
        let end = self.executed.as_ref()?;
        let mut buffer = [0; 1024];
        loop {
            match rustix::io::read(end, &mut buffer) {
                Ok(0) => break,
                Ok(n) => self.exec_error.extend_from_slice(&buffer[..n]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(_) => break,
            }
        }
        self.executed = None;
        if self.exec_error.is_empty() {
            self.started_at = Some(now);
            Some(Ok(now))
        } else {
            Some(Err(String::from_utf8_lossy(&self.exec_error).into_owned()))
        }
    }

    /// Waits until [`Held::execution`] can tell, for a container whose first process has ended. A process that libcontainer
    /// needed for the creation has the other end too, and on a busy machine it can end later than a short program.
    pub fn await_execution(&self) {
        if let Some(end) = &self.executed {
            // Without an answer in time it counts as one that never ran.
            let _ready = poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&CREATORS_END));
        }
    }

    /// Moves what the container has written to its log and then to attached clients. A log that can't be written is no
    /// reason to stop reading: the container must not block on it. Stops after some time, so that others get their
    /// turn, and when a client is behind.
    pub fn pump(&mut self, stream: Stream) {
        for _ in 0..TURN {
            if self.is_held_up() || !self.pump_once(stream) {
                return;
            }
        }
    }

    /// False if there is nothing to be read, now or any more.
    fn pump_once(&mut self, stream: Stream) -> bool {
        let mut buffer = [0; 32 * 1024];
        let Some(end) = self.streams.output(stream) else { return false };
        let read = match rustix::io::read(end, &mut buffer) {
            Ok(n) if n > 0 => n,
            Err(Errno::INTR) => return true,
            Err(Errno::AGAIN) => return false,
            // A terminal that nobody has open any more answers EIO.
            Ok(_) | Err(_) => {
                self.streams.close_output(stream);
                return false;
            }
        };
        if let Some(log) = &mut self.log {
            log.take(stream, &buffer[..read], Timestamp::now());
        }
        for client in self.attached.values_mut() {
            client.give(stream, &buffer[..read]);
        }
        true
    }

    /// Whether its output waits for an attached client.
    pub fn is_held_up(&self) -> bool {
        self.attached.values().any(Attachment::is_behind)
    }

    /// Looks after one attached client: sends what waits, and hears whether its input has ended.
    pub fn serve(&mut self, client: u64, hung_up: bool) {
        let Some(attachment) = self.attached.get_mut(&client) else { return };
        attachment.flush();
        let ended = attachment.input_ended(hung_up);
        if ended && self.streams.client_input_ended() {
            self.attached.values_mut().for_each(Attachment::stdin_closed);
        }
        self.drop_bad_clients();
    }

    /// Drops clients that are gone, or behind for too long.
    pub fn drop_bad_clients(&mut self) {
        self.attached.retain(|_, client| client.is_good());
    }

    /// Sends a signal; SIGKILL reaches all processes of the container.
    pub fn signal(&mut self, signal: i32) -> Result<(), String> {
        self.killed |= signal == SIGKILL && self.helper.is_some();
        let Some(pid) = self.pid.filter(|_| self.exit.is_none()) else { return Ok(()) };
        if signal == SIGKILL && self.foreign_pids {
            cgroup::kill_all(&self.cgroup);
        }
        // SAFETY: reads and writes no memory. Unlike the safe ways it knows real-time signals too.
        let sent = if pid > 0 { unsafe { libc::kill(pid, signal) } } else { 0 };
        match io::Error::last_os_error() {
            _ if sent == 0 => Ok(()),
            e if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            e => Err(format!("send signal {signal} to process {pid}: {e}")),
        }
    }

    /// The first process has ended: drains the output and writes the record of the exit. Clients that have not taken
    /// all of it are still to be flushed.
    pub fn ended(&mut self, code: i32, now: Timestamp) -> Exit {
        if self.foreign_pids {
            cgroup::kill_all(&self.cgroup);
        }
        self.execution(now);
        for stream in [Stream::Stdout, Stream::Stderr] {
            // Whoever else has the stream open may go on writing for ever.
            for _ in 0..LAST_TURN {
                if !self.pump_once(stream) {
                    break;
                }
            }
        }
        if let Some(log) = &mut self.log {
            log.finish(now);
        }
        let exit = self.exit_record(code, now);
        self.over(exit)
    }

    /// It could not be created.
    pub fn failed(&mut self, sentence: &str, now: Timestamp) -> Exit {
        self.exec_error = sentence.as_bytes().to_vec();
        let exit = self.exit_record(CANNOT_START, now);
        self.over(exit)
    }

    fn over(&mut self, exit: Exit) -> Exit {
        self.streams.close();
        self.executed = None;
        if let Err(e) = disk::write(&self.folder.exit(), &exit, false) {
            eprintln!("{}: {e}", self.id);
        }
        self.exit = Some(exit.clone());
        exit
    }

    fn exit_record(&self, code: i32, now: Timestamp) -> Exit {
        let failed_to_start = !self.exec_error.is_empty();
        let killed = code == CANNOT_START + SIGKILL;
        let reason = match code {
            _ if failed_to_start => "StartError",
            _ if killed && cgroup::oom_kills(&self.cgroup) > 0 => "OOMKilled",
            0 => "Completed",
            _ => "Error",
        };
        Exit {
            code: if failed_to_start { CANNOT_START } else { code },
            reason: reason.to_owned(),
            message: String::from_utf8_lossy(&self.exec_error).into_owned(),
            started_at: self.started_at,
            finished_at: now,
        }
    }

    /// What the runtime is told of it.
    pub fn state(&self) -> ContainerState {
        ContainerState { id: self.id.clone(), pid: self.pid, started_at: self.started_at, exit: self.exit.clone() }
    }

    /// Clears away mounts, cgroups and the folder. False if a cgroup is still busy: try again later.
    pub fn clear(&self) -> bool {
        // A root file system that was never mounted is no news.
        let _ = rustix::mount::unmount(self.folder.rootfs(), rustix::mount::UnmountFlags::DETACH);
        if self.folder.closed_mounts().exists() {
            // A creation was cut off: volumes must not be in the folder when it is removed.
            if let Err(e) = mounted::unmount_below(self.folder.path()) {
                eprintln!("{}: {}", self.id, crate::error::chain(&e));
                return false;
            }
        }
        if !cgroup::remove(&self.cgroup) {
            return false;
        }
        if let Err(e) = disk::remove_dir(self.folder.path()) {
            eprintln!("{}: {e}", self.id);
        }
        true
    }
}
