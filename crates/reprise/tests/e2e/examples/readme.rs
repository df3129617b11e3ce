//! Does what a README says, as a person would: its commands in order, and what it shows of their output must come.
//!
//! ```text
//!     # reprise run pod.yaml            a command, in an indented block
//!        0.107  p  epoch 0  ...         a line that it prints; `...` stands for anything, also for any lines
//! ```
//!
//! Times, ages and addresses differ from run to run, so any stands for any. A command that ends with `&` runs on until `kill %1`,
//! one that watches (`-w`) until all that is shown has come.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use reprise_testkit::{Node, reprise_path};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::scene::{LIMIT, settings};

/// The data folder of a user, for which a test has its own.
const DATA_FOLDER: &str = "/var/lib/reprise";

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A command and what is shown of its output.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// Who reads a README and does what it says.
pub struct Reader<'a> {
    node: &'a Node,
    variables: BTreeMap<String, OsString>,
    background: Option<Running>,
}

impl<'a> Reader<'a> {
    /// On this node, with `reprise` and `kubectl` to be found by their names.
    pub fn new(node: &'a Node) -> Self {
        let text = |value: &std::ffi::OsStr| value.to_owned();
        let of_node = node.command();
        let mut variables: BTreeMap<String, OsString> = of_node
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_string_lossy().into_owned(), text(value?))))
            .collect();
        let kubectl = PathBuf::from(env::var_os("REPRISE_NEWER_KUBECTL").unwrap_or_default());
        let reprise = reprise_path().parent().unwrap().to_owned();
        let path = env::var_os("PATH").unwrap();
        let folders = [reprise, kubectl].into_iter().chain(env::split_paths(&path));
        variables.insert("PATH".to_owned(), env::join_paths(folders).unwrap());
        variables.insert("REPRISE_LISTEN".to_owned(), format!("127.0.0.1:{}", node.host_port(0)).into());
        variables.insert("REPRISE_CONFIG".to_owned(), settings(node).into());
        variables.insert("HOME".to_owned(), node.scratch().into());
        Self { node, variables, background: None }
    }

    /// Does all that the file says.
    pub fn follow_all(&mut self, file: &str) {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        self.follow(&text);
    }

    /// Does what a section of the file says.
    pub fn follow_section(&mut self, file: &str, headline: &str) {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        let (_, section) =
            text.split_once(&format!("\n{headline}\n")).unwrap_or_else(|| panic!("{file}: no {headline}"));
        self.follow(section.split("\n## ").next().unwrap());
    }

    fn follow(&mut self, text: &str) {
        let steps = steps(text);
        assert!(!steps.is_empty(), "no command in the text");
        for step in steps {
            self.take(&step);
            self.node.observe();
        }
    }

    fn take(&mut self, step: &Step) {
        eprintln!("# {}", step.command);
        let command = step.command.replace(DATA_FOLDER, self.node.data_dir().to_str().unwrap());
        if let Some((name, value)) = command.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
            self.variables.insert(name.to_owned(), value.into());
        } else if command == "kill %1" {
            self.background.take().unwrap().end(Signal::TERM);
        } else if let Some(command) = command.strip_suffix(" &") {
            let mut running = self.start(command);
            running.wait_until_shown(&step.shown);
            self.background = Some(running);
        } else if command.ends_with(" -w") {
            let mut running = self.start(&command);
            running.wait_until_shown(&step.shown);
            running.end(Signal::INT);
        } else {
            let mut running = self.start(&command);
            running.wait_until_shown(&step.shown);
            running.wait_for_success();
        }
    }

    fn start(&self, line: &str) -> Running {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(repository()).envs(&self.variables);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn();
        Running::of(child.unwrap(), line)
    }
}

/// A command under way, ended with all it has started when dropped.
struct Running {
    child: Child,
    line: String,
    lines: Receiver<String>,
    seen: Vec<String>,
    limit: Instant,
}

impl Running {
    fn of(mut child: Child, line: &str) -> Self {
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                eprintln!("{line}");
                // What comes when nobody listens any more must still be read.
                sender.send(line).ok();
            }
        });
        Self { child, line: line.to_owned(), lines, seen: Vec::new(), limit: Instant::now() + LIMIT }
    }

    /// The next line of the output; `None` at its end.
    fn next(&mut self, what: &str) -> Option<String> {
        match self.lines.recv_timeout(self.limit.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{}: no {what} in {:#?}", self.line, self.seen),
        }
    }

    /// In whichever order: what containers print is read from their logs beside all else.
    fn wait_until_shown(&mut self, shown: &[String]) {
        let mut wanted: Vec<&String> = shown.iter().filter(|line| line.trim() != "...").collect();
        while !wanted.is_empty() {
            let Some(line) = self.next("more of what is shown") else {
                panic!("{}: no {wanted:#?} in {:#?}", self.line, self.seen)
            };
            if let Some(found) = wanted.iter().position(|wanted| is_shown(wanted, &line)) {
                wanted.remove(found);
            }
        }
    }

    fn wait_for_success(&mut self) {
        while self.next("end").is_some() {}
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}: {status}: {:#?}", self.line, self.seen);
    }

    fn end(mut self, signal: Signal) {
        self.send(signal);
        while self.next("end").is_some() {}
        self.child.wait().unwrap();
    }

    fn send(&self, signal: Signal) {
        // It may have ended already.
        kill_process_group(Pid::from_child(&self.child), signal).ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.send(Signal::KILL);
            self.child.wait().ok();
        }
    }
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_step = false;
    for line in text.lines() {
        match (line.strip_prefix("    "), line.strip_prefix("    # ")) {
            (_, Some(command)) => {
                steps.push(Step { command: command.to_owned(), shown: Vec::new() });
                in_step = true;
            }
            (Some(shown), None) if in_step => steps.last_mut().unwrap().shown.push(shown.to_owned()),
            _ => in_step = false,
        }
    }
    steps
}

/// Whether the line is what a README shows.
fn is_shown(shown: &str, line: &str) -> bool {
    let line = without_times(line);
    let shown = without_times(shown);
    let mut parts = shown.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    // What ends with `...` may go on.
    rest.is_empty() || parts.last().is_some_and(|last| last.is_empty())
}

/// The line with one space between words, and the same word for all times, ages and addresses.
fn without_times(line: &str) -> String {
    let differs = |word: &str| {
        let number = word.trim_start_matches(['(', '+']).trim_end_matches([')', ',', ':', 's']);
        let is_age = word.trim_end_matches(')').ends_with('s');
        number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == 'm')
            && (is_age || number.contains('.'))
    };
    let words = line.split_whitespace().map(|word| if differs(word) { "TIME" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_readme_is_read_as_people_read_it() {
    let text = "Do this:\n\n    # one | two\n    shown\n       more\n    # three &\n\nand see:\n\n    not a command\n";
    let step = |command: &str, shown: &[&str]| Step {
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(steps(text), [step("one | two", &["shown", "   more"]), step("three &", &[])]);
    assert!(is_shown(
        "  0.107  p  epoch 0  sandbox ready: ..., address 10.85.0.2",
        "1.2 p epoch 0 sandbox ready: a1, address 10.1.2.3"
    ));
    assert!(is_shown("p   2/2   Running   2 (0s ago)   3s", "p  2/2  Running  2 (11s ago)  1m2s"));
    assert!(!is_shown("p   2/2   Running   2 (0s ago)   3s", "p  2/2  Running  3 (0s ago)  3s"));
    assert!(!is_shown("exit code 0", "exit code 1") && !is_shown("a", "ab") && is_shown("a...", "ab"));
}
