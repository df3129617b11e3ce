//! What is looked at before and after the restart, so that 'the same' is a finding and not a claim.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use reprise_core::timeline::{Entry, Happened};
use serde::Serialize;

use super::workload::{BEGUN, CHECKPOINT, FAILED_ONCE, STEPS, read_number};
use crate::pod::PodReport;

/// What must not change, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub uid: String,
    pub ip: Option<String>,
    pub sandbox: Option<String>,
    /// Device and inode of the emptyDir's folder.
    pub volume: (u64, u64),
    /// Inode, time and content of what the first epoch wrote into the emptyDir and nobody writes again.
    pub files: BTreeMap<&'static str, (u64, i64, Vec<u8>)>,
}

/// Watches the demo's Pod from outside.
#[derive(Debug)]
pub struct Witness {
    volume: PathBuf,
    pub before: Option<Facts>,
    pub after: Option<Facts>,
    /// The training steps at which each run of the main container began.
    pub begun: Vec<u32>,
    pub finished: bool,
    problem: Option<anyhow::Error>,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    pub uid_same: bool,
    pub ip_same: bool,
    pub sandbox_same: bool,
    pub empty_dir_same: bool,
    /// Where training went on after the restart.
    pub resumed_from_step: Option<u32>,
    /// Training got to its last step.
    pub finished: bool,
}

impl Witness {
    /// A witness of the Pod whose emptyDir is in the folder `volume`.
    pub fn new(volume: PathBuf) -> Self {
        Self { volume, before: None, after: None, begun: Vec::new(), finished: false, problem: None }
    }

    /// Looks when there is something to see: when the old epoch is over, and at the end.
    pub fn see(&mut self, pod: &PodReport, entry: &Entry) {
        let seen = match (&entry.happened, entry.epoch) {
            (Happened::RestartStepped { .. }, 0) => self.facts(pod).map(|facts| self.before = Some(facts)),
            (Happened::PodSucceeded, _) => self.see_end(pod),
            _ => Ok(()),
        };
        if let Err(error) = seen {
            self.problem.get_or_insert(error);
        }
    }

    fn see_end(&mut self, pod: &PodReport) -> Result<()> {
        self.after = Some(self.facts(pod)?);
        let begun = fs::read_to_string(self.volume.join(BEGUN)).context("reading where training began")?;
        self.begun = begun.lines().filter_map(|line| line.parse().ok()).collect();
        self.finished = read_number(&self.volume.join(CHECKPOINT))? == STEPS;
        Ok(())
    }

    fn facts(&self, pod: &PodReport) -> Result<Facts> {
        let folder = fs::metadata(&self.volume).with_context(|| format!("looking at {}", self.volume.display()))?;
        let volume = (folder.dev(), folder.ino());
        let files = BTreeMap::from([(FAILED_ONCE, file_facts(&self.volume.join(FAILED_ONCE))?)]);
        Ok(Facts { uid: pod.uid.clone(), ip: pod.ip.clone(), sandbox: pod.sandbox.clone(), volume, files })
    }

    /// What is the same. Where something was not seen, nothing is.
    pub fn findings(&mut self) -> Result<Findings> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let same = |compare: fn(&Facts, &Facts) -> bool| {
            self.before.as_ref().zip(self.after.as_ref()).is_some_and(|(before, after)| compare(before, after))
        };
        Ok(Findings {
            uid_same: same(|before, after| before.uid == after.uid),
            ip_same: same(|before, after| before.ip.is_some() && before.ip == after.ip),
            sandbox_same: same(|before, after| before.sandbox.is_some() && before.sandbox == after.sandbox),
            empty_dir_same: same(|before, after| (before.volume, &before.files) == (after.volume, &after.files)),
            resumed_from_step: self.begun.get(1).copied(),
            finished: self.finished,
        })
    }
}

impl Findings {
    /// Whether everything is as an in-place restart promises.
    pub fn all_well(&self) -> bool {
        let same = self.uid_same && self.ip_same && self.sandbox_same && self.empty_dir_same;
        same && self.finished && self.resumed_from_step.is_some_and(|step| step > 0)
    }
}

fn file_facts(path: &Path) -> Result<(u64, i64, Vec<u8>)> {
    let facts = fs::metadata(path).and_then(|stat| Ok((stat.ino(), stat.mtime_nsec(), fs::read(path)?)));
    facts.with_context(|| format!("looking at {}", path.display()))
}
