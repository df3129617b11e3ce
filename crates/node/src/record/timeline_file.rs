//! `timeline.jsonl`: the last restarts of a Pod and what happened around them.
//!
//! A restart's record is written once it is complete (the Pod is Ready again, the next restart has begun, or the Pod
//! has ended) and only once: the epochs in the file say which are there, so a crash between the ledger and this file
//! is made good when the worker starts again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reprise_core::step::StepRecord;
use reprise_core::timeline::Entry;

use super::replace::{Durability, replace};
use super::timeline_line::{Line, entry_json};

/// How many restarts are kept.
const KEPT_STEPS: usize = 100;
/// How many other lines are kept.
const KEPT_ENTRIES: usize = 1000;
/// Lines beyond what is kept before the file is written anew.
const SLACK: usize = 500;

/// The last restarts in a timeline, oldest first, read without changing the file.
pub(crate) fn read_steps(path: &Path) -> io::Result<Vec<StepRecord>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let steps = parse(&text).filter_map(|line| match line {
        Line::Step { step } => Some(step),
        Line::Entry(_) => None,
    });
    Ok(steps.collect())
}

/// The timeline of one Pod.
#[derive(Debug)]
pub(crate) struct Timeline {
    path: PathBuf,
    steps: Vec<StepRecord>,
    lines: usize,
}

impl Timeline {
    /// Opens a Pod's timeline. A last line that a crash cut off is dropped.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        let mut timeline = Self { path, steps: Vec::new(), lines: 0 };
        for line in parse(&text) {
            timeline.lines += 1;
            if let Line::Step { step } = line {
                timeline.remember(step);
            }
        }
        if text.last().is_some_and(|b| *b != b'\n') {
            timeline.rewrite()?;
        }
        Ok(timeline)
    }

    /// The last restarts, oldest first.
    pub(crate) fn steps(&self) -> &[StepRecord] {
        &self.steps
    }

    /// Whether the restart to `epoch` is recorded.
    pub(crate) fn has_step(&self, epoch: u64) -> bool {
        self.steps.iter().rev().any(|s| s.epoch == epoch)
    }

    /// Records a complete restart, unless it is there. True if it was new.
    pub(crate) fn add_step(&mut self, step: &StepRecord) -> io::Result<bool> {
        if self.has_step(step.epoch) {
            return Ok(false);
        }
        self.append(&[Line::Step { step: step.clone() }])?;
        self.remember(step.clone());
        Ok(true)
    }

    /// Records what happened.
    pub(crate) fn add_entries(&mut self, entries: &[Entry]) -> io::Result<()> {
        let lines: Vec<Line> = entries.iter().map(|e| Line::Entry(entry_json(e))).collect();
        self.append(&lines)
    }

    fn remember(&mut self, step: StepRecord) {
        self.steps.push(step);
        if self.steps.len() > KEPT_STEPS {
            self.steps.remove(0);
        }
    }

    fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(&text)?;
        self.lines += lines.len();
        if self.lines > KEPT_STEPS + KEPT_ENTRIES + SLACK { self.rewrite() } else { Ok(()) }
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let lines: Vec<Line> = parse(&fs::read(&self.path)?).collect();
        let mut left = (KEPT_STEPS, KEPT_ENTRIES);
        let mut kept: Vec<&Line> = lines.iter().rev().filter(|line| take_one(&mut left, line)).collect();
        kept.reverse();
        let mut text = Vec::new();
        for line in &kept {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.lines = kept.len();
        replace(&self.path, &text, Durability::Process)
    }
}

fn take_one(left: &mut (usize, usize), line: &Line) -> bool {
    let count = match line {
        Line::Step { .. } => &mut left.0,
        Line::Entry(_) => &mut left.1,
    };
    let take = *count > 0;
    *count = count.saturating_sub(1);
    take
}

/// The lines that can be read; one that a crash cut off can't.
fn parse(text: &[u8]) -> impl Iterator<Item = Line> {
    text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).filter_map(|l| serde_json::from_slice(l).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use reprise_core::step::Trigger;
    use reprise_core::timeline::Happened;

    fn step(epoch: u64) -> StepRecord {
        let at = Timestamp::from_second(1).unwrap();
        StepRecord {
            epoch,
            trigger: Trigger::Requested { at },
            triggered_at: at,
            killed_at: None,
            removed_at: None,
            init_running_at: None,
            main_running_at: None,
            ready_at: None,
        }
    }

    fn entry() -> Entry {
        Entry { time: Timestamp::from_second(1).unwrap(), epoch: 0, happened: Happened::PodReady }
    }

    #[test]
    fn a_restart_is_recorded_once_even_over_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timeline.jsonl");
        let mut timeline = Timeline::open(path.clone()).unwrap();
        assert!(timeline.add_step(&step(1)).unwrap());
        timeline.add_entries(&[entry()]).unwrap();
        let mut again = Timeline::open(path).unwrap();
        assert!(!again.add_step(&step(1)).unwrap());
        assert_eq!(again.steps(), [step(1)]);
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timeline.jsonl");
        Timeline::open(path.clone()).unwrap().add_step(&step(1)).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"step\":{\"epo").unwrap();
        let mut timeline = Timeline::open(path.clone()).unwrap();
        timeline.add_step(&step(2)).unwrap();
        assert_eq!(Timeline::open(path).unwrap().steps(), [step(1), step(2)]);
    }

    #[test]
    fn the_last_hundred_restarts_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timeline.jsonl");
        let mut timeline = Timeline::open(path.clone()).unwrap();
        for epoch in 1..=150 {
            timeline.add_step(&step(epoch)).unwrap();
            timeline.add_entries(&vec![entry(); 12]).unwrap();
        }
        let again = Timeline::open(path).unwrap();
        assert!(again.lines <= KEPT_STEPS + KEPT_ENTRIES + SLACK);
        assert_eq!(again.steps().len(), 100);
        assert_eq!(again.steps()[99].epoch, 150);
    }
}
