//! One `reprise run` as a child process, its event lines as they come.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::event::{Event, Line, Summary};
use crate::leftovers::Footprint;

/// How often the end of the process is looked for while no line comes.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long lines may still come after the process has ended.
const DRAIN: Duration = Duration::from_secs(2);

/// A run that is about to be started.
#[derive(Debug)]
pub struct RunCommand {
    command: Command,
    manifests: Vec<PathBuf>,
    footprint: Arc<Mutex<Footprint>>,
}

impl RunCommand {
    pub(crate) fn new(command: Command, manifests: Vec<PathBuf>, footprint: Arc<Mutex<Footprint>>) -> Self {
        Self { command, manifests, footprint }
    }

    /// Adds an argument, before the manifests.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets an environment variable, such as a fault point's.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// The program can't be started.
    #[must_use]
    pub fn start(mut self) -> Run {
        self.command.args(&self.manifests).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match self.command.spawn() {
            Ok(child) => Run::of(child, self.footprint),
            Err(error) => panic!("{:?}: {error}", self.command),
        }
    }
}

/// A run under way. Killed when dropped; its Pods are then the node's to clean up.
#[derive(Debug)]
pub struct Run {
    child: Child,
    lines: Receiver<Line>,
    events: Vec<Event>,
    next: usize,
    summary: Option<Summary>,
    stderr: Arc<Mutex<String>>,
    footprint: Arc<Mutex<Footprint>>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All events, in order.
    pub events: Vec<Event>,
    /// The last line, if it got that far.
    pub summary: Option<Summary>,
    /// What it said to people.
    pub stderr: String,
}

impl Finished {
    /// The summary.
    ///
    /// # Panics
    /// There was none.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        self.summary.as_ref().unwrap_or_else(|| panic!("no summary line: {self:#?}"))
    }

    /// All events named `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Event> + 'a {
        self.events.iter().filter(move |event| event.is(name))
    }
}

impl Run {
    fn of(mut child: Child, footprint: Arc<Mutex<Footprint>>) -> Self {
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(Line::parse(&line)).is_err() {
                        break;
                    }
                }
            });
        }
        let stderr = Arc::new(Mutex::new(String::new()));
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, Arc::clone(&stderr));
        }
        Self { child, lines, events: Vec::new(), next: 0, summary: None, stderr, footprint }
    }

    /// The agent's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for an event after the one that was waited for last.
    ///
    /// # Panics
    /// No event matched within `limit`, or the program ended: with `what`, all events and its stderr.
    pub fn wait_for(&mut self, what: &str, limit: Duration, matches: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + limit;
        loop {
            while let Some(event) = self.events.get(self.next) {
                self.next += 1;
                if matches(event) {
                    return event.clone();
                }
            }
            if !self.receive(end) {
                panic!("waited {limit:?} for {what}\n{}", self.story());
            }
        }
    }

    /// Waits for an event as [`Run::wait_for`] does; `None` if the program ended before it came.
    ///
    /// # Panics
    /// Neither happened within `limit`.
    pub fn wait_for_or_end(&mut self, what: &str, limit: Duration, matches: impl Fn(&Event) -> bool) -> Option<Event> {
        let end = Instant::now() + limit;
        loop {
            while let Some(event) = self.events.get(self.next) {
                self.next += 1;
                if matches(event) {
                    return Some(event.clone());
                }
            }
            if self.receive(end.min(Instant::now() + LOOK_EVERY)) {
                continue;
            }
            match self.child.try_wait() {
                Ok(Some(_)) if !self.receive(Instant::now() + LOOK_EVERY) => return None,
                Ok(_) if Instant::now() < end => {}
                Ok(_) => panic!("waited {limit:?} for {what} or the end\n{}", self.story()),
                Err(error) => panic!("wait: {error}"),
            }
        }
    }

    /// Waits until the program has said `text` to people.
    ///
    /// # Panics
    /// It did not within `limit`.
    pub fn wait_for_stderr(&mut self, text: &str, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.stderr_so_far().contains(text) {
            assert!(Instant::now() < end, "waited {limit:?} for {text:?} on stderr\n{}", self.story());
            self.receive(Instant::now() + LOOK_EVERY);
        }
    }

    /// The events so far, in order.
    pub fn events(&mut self) -> &[Event] {
        while let Ok(line) = self.lines.try_recv() {
            self.take(line);
        }
        &self.events
    }

    /// Waits until the program ends by itself.
    ///
    /// # Panics
    /// It did not within `limit`.
    pub fn finish(mut self, limit: Duration) -> Finished {
        let end = Instant::now() + limit;
        let code = loop {
            self.receive(end.min(Instant::now() + LOOK_EVERY));
            match self.child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Ok(None) if Instant::now() < end => {}
                Ok(None) => panic!("still running after {limit:?}\n{}", self.story()),
                Err(error) => panic!("wait: {error}"),
            }
        };
        let drained = Instant::now() + DRAIN;
        while self.receive(drained) {}
        Finished {
            code,
            events: std::mem::take(&mut self.events),
            summary: self.summary.take(),
            stderr: self.stderr_so_far(),
        }
    }

    /// Asks it to end, as Ctrl-C does, and waits.
    ///
    /// # Panics
    /// It did not end within `limit`.
    pub fn interrupt(self, limit: Duration) -> Finished {
        self.signal(Signal::INT);
        self.finish(limit)
    }

    /// Ends it with SIGKILL at once, as a crash does, and waits until it is gone.
    pub fn kill(self) -> Finished {
        self.signal(Signal::KILL);
        self.finish(Duration::from_secs(10))
    }

    /// Sends a signal to the agent alone.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(Pid::from_child(&self.child), signal) {
            eprintln!("testkit: signal to {}: {error}", self.child.id());
        }
    }

    /// What it has said to people so far.
    #[must_use]
    pub fn stderr_so_far(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the next line; false if none came until `end` or none can come any more.
    fn receive(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.take(line);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                // Nothing can come: don't let callers spin until their time is over.
                thread::sleep(left.min(LOOK_EVERY));
                false
            }
        }
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Event(event) => {
                if event.is("ContainerStarted") {
                    self.footprint.lock().unwrap_or_else(PoisonError::into_inner).observe_once();
                }
                self.events.push(*event);
            }
            Line::Summary(summary) => self.summary = Some(summary),
            Line::Unknown(line) => panic!("stdout holds something else than events: {line}\n{}", self.story()),
        }
    }

    /// Everything known, for a failed assertion.
    fn story(&self) -> String {
        let mut text = String::from("events so far:\n");
        for event in &self.events {
            let container = event.container.as_deref().unwrap_or("");
            let message = event.message.as_deref().unwrap_or("");
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "  {} e{} {} {container} {:?} {message}",
                event.time, event.epoch, event.event, event.exit_code
            );
        }
        text + "stderr:\n" + &self.stderr_so_far()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Keeps reading into a string, so that the program never waits for us.
fn collect(mut pipe: impl Read + Send + 'static, text: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            let part = String::from_utf8_lossy(&buffer[..read]);
            text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&part);
        }
    });
}

#[cfg(test)]
mod tests;
