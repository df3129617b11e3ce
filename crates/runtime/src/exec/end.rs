//! Ends a program that was run in a container, with all that it has started.
//!
//! The program leads a session, so what belongs to it is what is in that session, and what descends from any of that.
//! Only what has left the session and lost its parent is not found: that is how daemons are made, on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long new processes may go on appearing.
const LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    parent: i32,
    session: i32,
    alive: bool,
}

/// Sends SIGKILL to everything of `leader`, until nothing is left that lives.
pub fn all_of(leader: i32) {
    let until = Instant::now() + LIMIT;
    loop {
        let processes = processes();
        let living: Vec<i32> = belonging(leader, &processes).into_iter().filter(|pid| processes[pid].alive).collect();
        // The parents first, so that they don't see their children die and start others.
        for pid in living.iter().copied().filter_map(Pid::from_raw) {
            // One that has gone meanwhile is what we want.
            let _ = kill_process(pid, Signal::KILL);
        }
        if living.is_empty() || Instant::now() > until {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// `leader`, the members of its session, and their descendants; a parent before its children.
fn belonging(leader: i32, processes: &BTreeMap<i32, Process>) -> Vec<i32> {
    let first = processes.iter().filter(|(pid, p)| **pid == leader || p.session == leader).map(|(pid, _)| *pid);
    let mut found: Vec<i32> = first.collect();
    let mut known: BTreeSet<i32> = found.iter().copied().collect();
    let mut next = 0;
    while next < found.len() {
        let children = processes.iter().filter(|(_, p)| p.parent == found[next]).map(|(pid, _)| *pid);
        found.extend(children.filter(|pid| known.insert(*pid)).collect::<Vec<_>>());
        next += 1;
    }
    found
}

fn processes() -> BTreeMap<i32, Process> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))).collect()
}

/// Reads the text of a `/proc/<pid>/stat`.
fn parse(stat: &str) -> Option<Process> {
    // The name is in brackets and may hold anything, also brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X" | "x");
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process { parent, session, alive })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let process = Process { parent: 7, session: 9, alive: true };
        assert_eq!(parse("12 (a) b (c)) S 7 8 9 0 -1"), Some(process));
        assert_eq!(parse("12 (dead) Z 7 8 9 0 -1"), Some(Process { alive: false, ..process }));
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn orphans_of_the_session_and_children_that_left_it_belong_to_it() {
        let process = |parent, session| Process { parent, session, alive: true };
        let processes = BTreeMap::from([
            (1, process(0, 1)),
            (10, process(5, 10)),
            (11, process(1, 10)),
            (12, process(10, 12)),
            (13, process(12, 12)),
            (14, process(1, 14)),
        ]);
        assert_eq!(belonging(10, &processes), [10, 11, 12, 13]);
    }
}
