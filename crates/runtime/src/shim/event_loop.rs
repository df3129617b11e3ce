//! The shim's loop: waits for children, requests and output, and does what they ask for, one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, kill_process, wait, waitpid};

use super::attachment::{Attachment, Wanted};
use super::connection::Connection;
use super::held::Held;
use super::log_writer::Stream;
use super::protocol::{Call, Message, Outcome, Request, VERSION};
use crate::handover;

/// How long after a request the clearing away of removed containers waits, so that a restart goes first.
const QUIET: Duration = Duration::from_millis(30);
/// What is added to a time to wait for, which the kernel counts in milliseconds.
const ROUND: Duration = Duration::from_millis(1);
/// How many clients a container may have attached.
const CLIENTS: usize = 32;
/// Exits of processes that are not known yet that are kept.
const STRAYS: usize = 64;

struct Shim {
    listener: UnixListener,
    children: SignalFd,
    pid_namespace: Option<i32>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    held: BTreeMap<String, Held>,
    /// Requests whose answer waits for a child: by container, the connection and the request's number.
    creating: BTreeMap<String, (u64, u64)>,
    starting: BTreeMap<String, (u64, u64)>,
    /// Starts that were asked for while the container is being created.
    start_when_created: BTreeMap<String, WantedStart>,
    removed: Vec<Held>,
    strays: VecDeque<(i32, i32)>,
    /// Attached clients of ended containers that have not taken all of the output yet.
    leaving: Vec<Attachment>,
}

/// A start that waits for the creation: who asked, the request's number, the log.
type WantedStart = (u64, u64, Option<PathBuf>);

/// What became readable.
enum Ready {
    Children,
    Listener,
    Connection(u64),
    Output(String, Stream),
    Executed(String),
    Attached(String, u64),
    Leaving,
}

pub fn run(listener: UnixListener, pid_namespace: Option<i32>) -> ExitCode {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    let children =
        mask.thread_block().and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC));
    let children = match children {
        Ok(children) => children,
        Err(e) => {
            eprintln!("shim: signalfd: {e}");
            return ExitCode::FAILURE;
        }
    };
    let mut shim = Shim {
        listener,
        children,
        pid_namespace,
        connections: BTreeMap::new(),
        next_connection: 0,
        held: BTreeMap::new(),
        creating: BTreeMap::new(),
        starting: BTreeMap::new(),
        start_when_created: BTreeMap::new(),
        removed: Vec::new(),
        strays: VecDeque::new(),
        leaving: Vec::new(),
    };
    loop {
        for (ready, flags) in shim.wait() {
            if shim.handle(ready, flags) == Next::Stop {
                return ExitCode::SUCCESS;
            }
        }
    }
}

fn ready(name: Ready, fd: BorrowedFd<'_>, flags: PollFlags) -> (Ready, PollFd<'_>) {
    (name, PollFd::from_borrowed_fd(fd, flags))
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl Shim {
    /// Waits until something is ready. Clears away a removed container when nothing has been for a moment.
    fn wait(&mut self) -> Vec<(Ready, PollFlags)> {
        self.held.values_mut().for_each(Held::drop_bad_clients);
        self.leaving.retain(|client| client.is_good() && client.wants_to_send());
        let (names, mut polled): (Vec<Ready>, Vec<PollFd<'_>>) = self.awaited().into_iter().unzip();
        let timeout = self.timeout();
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => {
                drop(polled);
                self.clear_one();
                Vec::new()
            }
            Ok(_) => {
                let hit: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
                names.into_iter().zip(hit).filter(|(_, hit)| !hit.is_empty()).collect()
            }
            Err(rustix::io::Errno::INTR) => Vec::new(),
            Err(e) => {
                eprintln!("shim: poll: {e}");
                Vec::new()
            }
        }
    }

    fn awaited(&self) -> Vec<(Ready, PollFd<'_>)> {
        let send = |wanted: bool| if wanted { PollFlags::OUT } else { PollFlags::empty() };
        let mut all = vec![
            ready(Ready::Children, self.children.as_fd(), PollFlags::IN),
            ready(Ready::Listener, self.listener.as_fd(), PollFlags::IN),
        ];
        for (key, connection) in &self.connections {
            let flags = PollFlags::IN | send(connection.wants_to_send());
            all.push(ready(Ready::Connection(*key), connection.as_fd(), flags));
        }
        for (id, held) in &self.held {
            for stream in [Stream::Stdout, Stream::Stderr] {
                if let Some(end) = held.streams.output(stream).filter(|_| !held.is_held_up()) {
                    all.push(ready(Ready::Output(id.clone(), stream), end.as_fd(), PollFlags::IN));
                }
            }
            // Before the container is there, the other end may close with the helper that fails.
            if let Some(end) = held.executed.as_ref().filter(|_| held.pid.is_some()) {
                all.push(ready(Ready::Executed(id.clone()), end.as_fd(), PollFlags::IN));
            }
            for (key, client) in &held.attached {
                let hear = if client.input_is_open() { PollFlags::IN } else { PollFlags::empty() };
                let flags = hear | send(client.wants_to_send());
                all.push(ready(Ready::Attached(id.clone(), *key), client.as_fd(), flags));
            }
        }
        all.extend(self.leaving.iter().map(|client| ready(Ready::Leaving, client.as_fd(), PollFlags::OUT)));
        all
    }

    /// Until something is to be done without anything being ready.
    fn timeout(&self) -> Option<Timespec> {
        let clients = self.held.values().flat_map(|held| held.attached.values()).chain(&self.leaving);
        let patience = clients.filter_map(Attachment::patience);
        let quiet = (!self.removed.is_empty()).then_some(QUIET);
        // Rounded up, so that a client's time is up when this is.
        patience.map(|left| left + ROUND).chain(quiet).min().and_then(|left| Timespec::try_from(left).ok())
    }

    fn clear_one(&mut self) {
        if let Some(held) = self.removed.pop()
            && !held.clear()
        {
            self.removed.insert(0, held);
        }
    }

    fn handle(&mut self, ready: Ready, flags: PollFlags) -> Next {
        match ready {
            Ready::Children => self.reap(),
            Ready::Listener => return self.accept_after_requests(),
            Ready::Connection(key) => return self.serve(key),
            Ready::Output(id, stream) => {
                if let Some(held) = self.held.get_mut(&id) {
                    held.pump(stream);
                }
            }
            Ready::Executed(id) => self.executed(&id, Timestamp::now()),
            Ready::Attached(id, client) => {
                if let Some(held) = self.held.get_mut(&id) {
                    held.serve(client, flags.intersects(PollFlags::HUP | PollFlags::ERR));
                }
            }
            Ready::Leaving => self.leaving.iter_mut().for_each(Attachment::flush),
        }
        Next::GoOn
    }

    /// A runtime is greeted with what is there when all that an earlier one, which may have died, had asked for has been
    /// begun: what it is not told of, it asks for again.
    fn accept_after_requests(&mut self) -> Next {
        let keys: Vec<u64> = self.connections.keys().copied().collect();
        for key in keys {
            if self.serve(key) == Next::Stop {
                return Next::Stop;
            }
        }
        self.accept();
        Next::GoOn
    }

    fn accept(&mut self) {
        let connection = self.listener.accept().and_then(|(stream, _)| Connection::new(stream));
        match connection {
            Ok(mut connection) => {
                connection.send(&Message::Hello {
                    version: VERSION,
                    pid_namespace: self.pid_namespace,
                    containers: self.held.values().map(Held::state).collect(),
                });
                self.connections.insert(self.next_connection, connection);
                self.next_connection += 1;
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(e) => eprintln!("shim: accept: {e}"),
        }
    }

    fn serve(&mut self, key: u64) -> Next {
        let Some(connection) = self.connections.get_mut(&key) else { return Next::GoOn };
        connection.flush();
        let requests = connection.receive();
        let open = connection.is_open();
        for request in requests {
            let stop = matches!(request.call, Call::Shutdown);
            self.call(key, request);
            if stop {
                return Next::Stop;
            }
        }
        if !open {
            self.connections.remove(&key);
        }
        Next::GoOn
    }

    fn call(&mut self, key: u64, Request { number, call }: Request) {
        let result = match call {
            Call::Create { id, folder, cgroup, foreign_pids, streams } => {
                match Held::create(id.clone(), folder, cgroup, foreign_pids, streams) {
                    Ok(held) => {
                        self.held.insert(id.clone(), held);
                        self.creating.insert(id, (key, number));
                        return;
                    }
                    Err(e) => Err(format!("start the create helper: {e}")),
                }
            }
            Call::Start { id, log } => {
                if self.held.get(&id).is_some_and(|held| held.helper.is_some()) {
                    self.start_when_created.insert(id, (key, number, log));
                    return;
                }
                match self.start(&id, log) {
                    Ok(None) => {
                        self.starting.insert(id, (key, number));
                        return;
                    }
                    Ok(Some(at)) => Ok(Outcome::Started { at }),
                    Err(e) => Err(e),
                }
            }
            Call::Signal { id, signal } => self.held(&id).and_then(|held| held.signal(signal)).map(|()| Outcome::Done),
            Call::ReopenLog { id } => self.reopen_log(&id),
            Call::Remove { id } => self.remove(&id),
            Call::Discard { id } => self.discard(&id),
            Call::Attach { id, stdin, stdout, stderr } => {
                match self.attach(key, number, &id, Wanted { stdin, stdout, stderr }) {
                    // It has been answered, and is no connection for requests any more.
                    Ok(()) => return,
                    Err(e) => Err(e),
                }
            }
            Call::ClearRemoved => {
                self.clear_all();
                Ok(Outcome::Done)
            }
            Call::Shutdown => {
                self.shut_down();
                Ok(Outcome::Done)
            }
        };
        self.answer(key, number, result);
    }

    /// Starts a container, or tells when it was. A runtime that died after it had asked for the start leaves the answer
    /// to the one that asks again.
    fn start(&mut self, id: &str, log: Option<PathBuf>) -> Result<Option<Timestamp>, String> {
        let under_way = self.starting.contains_key(id);
        let held = self.held(id)?;
        match held.started_at {
            Some(at) if held.exit.is_none() => Ok(Some(at)),
            None if under_way && held.exit.is_none() => Ok(None),
            _ => held.start(log).map(|()| None),
        }
    }

    fn held(&mut self, id: &str) -> Result<&mut Held, String> {
        self.held.get_mut(id).ok_or_else(|| format!("no container {id} in this sandbox"))
    }

    fn attach(&mut self, key: u64, number: u64, id: &str, wanted: Wanted) -> Result<(), String> {
        let held = self.held.get_mut(id).ok_or_else(|| format!("no container {id} in this sandbox"))?;
        if held.started_at.is_none() || held.exit.is_some() {
            return Err(format!("container {id} is not running"));
        }
        if held.attached.len() >= CLIENTS {
            return Err(format!("container {id} has {CLIENTS} attached clients already"));
        }
        let stream = self.connections.remove(&key).and_then(Connection::into_stream);
        let stream = stream.ok_or("a connection that is to be attached has unread answers")?;
        let answer = Message::Answer { number, result: Ok(Outcome::Done) };
        let mut line = serde_json::to_vec(&answer).map_err(|e| e.to_string())?;
        line.push(b'\n');
        let input: Vec<_> = held.streams.for_client(wanted.stdin).map(AsFd::as_fd).into_iter().collect();
        match handover::send(&stream, &line, &input) {
            Ok(()) => drop(held.attached.insert(key, Attachment::new(stream, wanted))),
            Err(e) => eprintln!("shim: a client that wanted to attach is gone: {e}"),
        }
        Ok(())
    }

    fn reopen_log(&mut self, id: &str) -> Result<Outcome, String> {
        let held = self.held(id)?;
        if held.started_at.is_none() || held.exit.is_some() {
            return Err(format!("container {id} is not running"));
        }
        let log = held.log.as_mut();
        log.map_or(Ok(()), |log| log.reopen().map_err(|e| e.to_string())).map(|()| Outcome::Done)
    }

    fn remove(&mut self, id: &str) -> Result<Outcome, String> {
        let Some(held) = self.held.get(id) else { return Ok(Outcome::Done) };
        if held.helper.is_some() || (held.pid.is_some() && held.exit.is_none()) {
            return Err(format!("container {id} is alive"));
        }
        self.removed.extend(self.held.remove(id));
        Ok(Outcome::Done)
    }

    fn discard(&mut self, id: &str) -> Result<Outcome, String> {
        if let Some(held) = self.held.get_mut(id) {
            held.discarded = true;
            held.signal(rustix::process::Signal::KILL.as_raw())?;
        }
        // One that has ended already goes at once, one that is still being created when it has been.
        self.remove_discarded();
        Ok(Outcome::Done)
    }

    fn remove_discarded(&mut self) {
        let over = |h: &Held| h.discarded && h.helper.is_none() && (h.pid.is_none() || h.exit.is_some());
        let ids: Vec<String> = self.held.values().filter(|h| over(h)).map(|h| h.id.clone()).collect();
        for id in ids {
            self.removed.extend(self.held.remove(&id));
        }
    }

    fn answer(&mut self, key: u64, number: u64, result: Result<Outcome, String>) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.send(&Message::Answer { number, result });
        }
    }

    fn executed(&mut self, id: &str, now: Timestamp) {
        let Some(result) = self.held.get_mut(id).and_then(|held| held.execution(now)) else { return };
        if let Ok(at) = result {
            for connection in self.connections.values_mut() {
                connection.send(&Message::Started { id: id.to_owned(), at });
            }
        }
        if let Some((key, number)) = self.starting.remove(id) {
            self.answer(key, number, result.map(|at| Outcome::Started { at }));
        }
    }

    fn reap(&mut self) {
        while let Ok(Some(_)) = self.children.read_signal() {}
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let signalled = status.terminating_signal().map(|s| 128 + s);
            let Some(code) = status.exit_status().or(signalled) else { continue };
            self.ended(pid.as_raw_nonzero().get(), code, Timestamp::now());
        }
    }

    fn ended(&mut self, pid: i32, code: i32, now: Timestamp) {
        if let Some(id) = self.held.values().find(|h| h.helper == Some(pid)).map(|h| h.id.clone()) {
            return self.created(&id, code == 0);
        }
        let id = self.held.values().find(|h| h.pid == Some(pid) && h.exit.is_none()).map(|h| h.id.clone());
        let Some(id) = id else {
            self.strays.push_back((pid, code));
            self.strays.truncate(STRAYS);
            return;
        };
        // A program that ended at once may not have been seen to start yet.
        if let Some(held) = self.held.get(&id) {
            held.await_execution();
        }
        self.executed(&id, now);
        let Some(held) = self.held.get_mut(&id) else { return };
        let exit = held.ended(code, now);
        self.leaving.extend(std::mem::take(&mut held.attached).into_values().filter_map(Attachment::end));
        if let Some((key, number)) = self.starting.remove(&id) {
            let why = if exit.message.is_empty() { "it ended before its program ran" } else { &exit.message };
            self.answer(key, number, Err(why.to_owned()));
        }
        for connection in self.connections.values_mut() {
            connection.send(&Message::Exited { id: id.clone(), exit: exit.clone() });
        }
        self.remove_discarded();
    }

    /// The create helper is done. A container that could not be created has ended, as one that could not be started.
    fn created(&mut self, id: &str, succeeded: bool) {
        let Some(held) = self.held.get_mut(id) else { return };
        let result = held.created(succeeded);
        if let Err(sentence) = &result {
            let exit = held.failed(sentence, Timestamp::now());
            for connection in self.connections.values_mut() {
                connection.send(&Message::Exited { id: id.to_owned(), exit: exit.clone() });
            }
        } else if (held.killed || held.discarded)
            && let Err(e) = held.signal(rustix::process::Signal::KILL.as_raw())
        {
            eprintln!("{id}: {e}");
        }
        let pid = result.as_ref().ok().copied();
        if let Some((key, number)) = self.creating.remove(id) {
            self.answer(key, number, result.clone().map(|pid| Outcome::Created { pid }));
        }
        if let Some((key, number, log)) = self.start_when_created.remove(id) {
            match result.and_then(|_| self.start(id, log)) {
                // That it has, or that it ended before.
                Ok(_) => drop(self.starting.insert(id.to_owned(), (key, number))),
                Err(e) => self.answer(key, number, Err(e)),
            }
        }
        self.remove_discarded();
        // It may have ended before its helper did.
        if let Some((pid, code)) = self.strays.iter().find(|(stray, _)| Some(*stray) == pid).copied() {
            self.ended(pid, code, Timestamp::now());
        }
    }

    /// Ends all containers and clears everything away.
    fn shut_down(&mut self) {
        for held in self.held.values_mut() {
            if let Err(e) = held.signal(rustix::process::Signal::KILL.as_raw()) {
                eprintln!("shim: {e}");
            }
        }
        let alive =
            |shim: &Self| shim.held.values().any(|h| h.helper.is_some() || (h.pid.is_some() && h.exit.is_none()));
        while alive(self) {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) => {
                    let signalled = status.terminating_signal().map(|s| 128 + s);
                    let code = status.exit_status().or(signalled).unwrap_or_default();
                    self.ended(pid.as_raw_nonzero().get(), code, Timestamp::now());
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if let Some(init) = self.pid_namespace.and_then(Pid::from_raw) {
            // Gone already is as good.
            let _ = kill_process(init, rustix::process::Signal::KILL)
                .and_then(|()| waitpid(Some(init), WaitOptions::empty()).map(drop));
        }
        self.removed.extend(std::mem::take(&mut self.held).into_values());
        self.clear_all();
    }

    /// Clears away all that was removed. What is busy for long is left to the runtime.
    fn clear_all(&mut self) {
        for _ in 0..100 {
            self.removed.retain(|held| !held.clear());
            if self.removed.is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
