//! What becomes of a container's log files: which part is put aside, compressed or removed.
//!
//! The runtime writes `<attempt>.log`. When that has grown enough it is renamed to `<attempt>.log.<time>`, which sorts by
//! age, and the runtime opens a new one. A part that is not the newest any more is compressed to `<attempt>.log.<time>.gz`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How the time of a rotation is written.
const STAMP: &str = "%Y%m%d-%H%M%S";
/// What a compressed part ends with.
const COMPRESSED: &str = ".gz";
/// What a part ends with that is being compressed. One that is found was left by a crash.
pub const UNFINISHED: &str = ".tmp";
/// How many runs of a container keep their logs beside the current one: what the kubelet keeps of dead containers.
const RUNS_KEPT: u32 = 1;

/// When logs are rotated and how many parts they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPolicy {
    /// The size in bytes from which on a log is rotated (`containerLogMaxSize`).
    pub max_size: u64,
    /// How many files a log may have, the one that is written to included; at least 2 (`containerLogMaxFiles`).
    pub max_files: u32,
}

impl Default for LogPolicy {
    /// 10 MiB and 5, as in Kubernetes.
    fn default() -> Self {
        Self { max_size: 10 * 1024 * 1024, max_files: 5 }
    }
}

/// A part of a log that is not written to any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rotated {
    /// When it was put aside, in a form that sorts.
    pub stamp: String,
    /// Its file's name.
    pub name: String,
    /// It is compressed.
    pub compressed: bool,
}

/// The work of one rotation, to be done in this order. Each part of it may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Files to remove.
    pub remove: Vec<String>,
    /// Files to compress.
    pub compress: Vec<String>,
    /// What the file that is written to is called from then on.
    pub rename_to: String,
}

/// The parts of `log` that are not written to any more among the files in its folder, the oldest first. Of a part that is
/// there in both forms the compressed one is named: it is complete, or it would not have its name.
#[must_use]
pub fn rotated(log: &str, names: &[String]) -> Vec<Rotated> {
    let mut parts: Vec<Rotated> = names.iter().filter_map(|name| part(log, name)).collect();
    parts.sort_by(|a, b| (&a.stamp, !a.compressed).cmp(&(&b.stamp, !b.compressed)));
    parts.dedup_by(|later, first| later.stamp == first.stamp);
    parts
}

/// What a crash has left of `log`'s compression.
#[must_use]
pub fn leftovers(log: &str, names: &[String]) -> Vec<String> {
    let kept = rotated(log, names);
    let is_unfinished =
        |name: &str| name.strip_suffix(UNFINISHED).is_some_and(|whole| part(log, whole).is_some_and(|p| !p.compressed));
    let is_double = |name: &String| part(log, name).is_some_and(|p| kept.iter().all(|k| k.name != p.name));
    names.iter().filter(|name| is_unfinished(name) || is_double(name)).cloned().collect()
}

/// How `log` is rotated at `now`.
#[must_use]
pub fn rotate(log: &str, names: &[String], policy: LogPolicy, now: Timestamp) -> Rotation {
    let parts = rotated(log, names);
    let rename_to = format!("{log}.{}", next_stamp(parts.last(), now));
    // With the one that is put aside now and the new one there are then as many as there may be.
    let kept = usize::try_from(policy.max_files.saturating_sub(2)).unwrap_or(usize::MAX);
    let (old, kept) = parts.split_at(parts.len().saturating_sub(kept));
    let excess = old.iter().map(|part| part.name.clone());
    Rotation {
        remove: leftovers(log, names).into_iter().chain(excess).collect(),
        compress: kept.iter().filter(|part| !part.compressed).map(|part| part.name.clone()).collect(),
        rename_to,
    }
}

/// The files in a container's folder of logs that belong to runs so old that nobody can ask for them, where
/// `restart_count` runs came before the current or next one.
#[must_use]
pub fn superseded(names: &[String], restart_count: u32) -> Vec<String> {
    let is_old = |name: &&String| {
        let attempt = name.split_once(".log").and_then(|(attempt, _)| attempt.parse::<u32>().ok());
        attempt.is_some_and(|attempt| attempt < restart_count.saturating_sub(RUNS_KEPT))
    };
    names.iter().filter(is_old).cloned().collect()
}

fn part(log: &str, name: &str) -> Option<Rotated> {
    let end = name.strip_prefix(log)?.strip_prefix('.')?;
    let stamp = end.strip_suffix(COMPRESSED).unwrap_or(end);
    time_of(stamp)?;
    Some(Rotated { stamp: stamp.to_owned(), name: name.to_owned(), compressed: stamp.len() < end.len() })
}

fn time_of(stamp: &str) -> Option<DateTime> {
    DateTime::strptime(STAMP, stamp).ok()
}

/// The time of a rotation. It is later than that of the one before even if the clock was set back: parts stay in order,
/// and none takes the place of another.
fn next_stamp(newest: Option<&Rotated>, now: Timestamp) -> String {
    let now = now.to_zoned(TimeZone::UTC).datetime();
    let after = newest.and_then(|part| time_of(&part.stamp)?.checked_add(Span::new().seconds(1)).ok());
    after.map_or(now, |after| now.max(after)).strftime(STAMP).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    fn now() -> Timestamp {
        "2026-11-24T20:00:00Z".parse().unwrap()
    }

    #[test]
    fn parts_are_in_order_and_each_is_there_once() {
        let all = names(&[
            "0.log",
            "0.log.20261124-190000",
            "0.log.20261123-190000.gz",
            "0.log.20261124-190000.gz",
            "0.log.20261124-193000.tmp",
            "10.log.20261124-190000",
            "0.log.note",
        ]);
        let parts: Vec<String> = rotated("0.log", &all).into_iter().map(|part| part.name).collect();
        assert_eq!(parts, ["0.log.20261123-190000.gz", "0.log.20261124-190000.gz"]);
        assert_eq!(leftovers("0.log", &all), ["0.log.20261124-190000", "0.log.20261124-193000.tmp"]);
    }

    #[test]
    fn a_rotation_keeps_so_many_files_and_compresses_all_but_the_newest() {
        let all = names(&["0.log", "0.log.20261124-191000", "0.log.20261124-190000.gz"]);
        let policy = LogPolicy { max_size: 1, max_files: 4 };
        let rotation = rotate("0.log", &all, policy, now());
        assert_eq!(rotation.remove, [] as [&str; 0]);
        assert_eq!(rotation.compress, ["0.log.20261124-191000"]);
        assert_eq!(rotation.rename_to, "0.log.20261124-200000");
        let fewest = rotate("0.log", &all, LogPolicy { max_size: 1, max_files: 2 }, now());
        assert_eq!(fewest.remove, ["0.log.20261124-190000.gz", "0.log.20261124-191000"]);
        assert_eq!(fewest.compress, [] as [&str; 0]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_disorder_the_parts() {
        let all = names(&["0.log", "0.log.20261124-235959"]);
        assert_eq!(rotate("0.log", &all, LogPolicy::default(), now()).rename_to, "0.log.20261125-000000");
    }

    #[test]
    fn the_run_before_the_current_one_keeps_its_log() {
        let all = names(&["0.log", "0.log.20261124-190000.gz", "1.log", "2.log", "3.log", "note"]);
        assert_eq!(superseded(&all, 2), ["0.log", "0.log.20261124-190000.gz"]);
        assert_eq!(superseded(&all, 1), [] as [&str; 0]);
        assert_eq!(superseded(&all, 0), [] as [&str; 0]);
    }
}
