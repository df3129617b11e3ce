//! Rotates a container's log. A crash at any point leaves nothing that the next rotation does not make good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use reprise_core::log_rotation::{self, LogPolicy, UNFINISHED, superseded};

use super::part::names_in;

/// What the runtime has to be asked for about a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// To open it anew: it is not there under its name. If that fails, the part that was put aside gets its name back.
    Reopen {
        /// The part.
        aside: Option<PathBuf>,
    },
}

/// Removes what a crash has left of `log`'s compression, and puts it aside if it has grown enough.
pub(crate) fn rotate(log: &Path, policy: LogPolicy, now: Timestamp) -> io::Result<Next> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Next::Nothing) };
    let (name, names) = (name.to_string_lossy(), names_in(folder)?);
    remove_all(folder, &log_rotation::leftovers(&name, &names))?;
    match fs::metadata(log) {
        Ok(found) if found.len() < policy.max_size => return Ok(Next::Nothing),
        Ok(_) => {}
        // Somebody died between renaming it and having it opened anew.
        Err(e) if e.kind() == ErrorKind::NotFound && folder.exists() => return Ok(Next::Reopen { aside: None }),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Next::Nothing),
        Err(e) => return Err(e),
    }
    let rotation = log_rotation::rotate(&name, &names, policy, now);
    remove_all(folder, &rotation.remove)?;
    for part in &rotation.compress {
        compress(&folder.join(part))?;
    }
    let aside = folder.join(&rotation.rename_to);
    fs::rename(log, &aside)?;
    Ok(Next::Reopen { aside: Some(aside) })
}

/// The runtime goes on writing to the part that was put aside: it gets its name back, unless there is a new one.
pub(crate) fn undo(log: &Path, aside: &Path) -> io::Result<()> {
    if log.exists() { Ok(()) } else { fs::rename(aside, log) }
}

/// Removes the logs of runs that nobody can ask for any more from a container's folder.
pub(crate) fn remove_superseded(folder: &Path, restart_count: u32) -> io::Result<()> {
    remove_all(folder, &superseded(&names_in(folder)?, restart_count))
}

fn remove_all(folder: &Path, names: &[String]) -> io::Result<()> {
    for name in names {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The compressed file appears under its name when it is whole; the other one goes then.
fn compress(path: &Path) -> io::Result<()> {
    let with_end = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let (unfinished, compressed) = (with_end(UNFINISHED), with_end(".gz"));
    let mut source = match File::open(path) {
        Ok(source) => source,
        // It was one too many and has just been removed.
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let mode = source.metadata()?.mode() & 0o777;
    let target = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
    let mut encoder = GzEncoder::new(target, Compression::default());
    io::copy(&mut source, &mut encoder)?;
    encoder.finish()?;
    fs::rename(&unfinished, &compressed)?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::super::source::{Progress, Source};
    use super::*;

    fn read_all(path: &Path) -> String {
        let (mut source, mut text) = (Source::new(path.to_owned(), None), String::new());
        let mut line = |bytes: &[u8]| text.push_str(&format!("{} ", String::from_utf8_lossy(bytes)));
        while source.read(&mut line).unwrap() == Progress::Some {}
        text
    }

    #[test]
    fn a_log_is_whole_over_all_its_parts_and_only_so_many_stay() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("0.log");
        let policy = LogPolicy { max_size: 1, max_files: 4 };
        let mut now = Timestamp::from_second(1_800_000_000).unwrap();
        for number in 0..6 {
            fs::write(&log, format!("{number}\n")).unwrap();
            let Next::Reopen { aside: Some(_) } = rotate(&log, policy, now).unwrap() else { panic!("not rotated") };
            now += jiff::SignedDuration::from_secs(10);
        }
        fs::write(&log, "6\n").unwrap();
        assert_eq!(read_all(&log), "3 4 5 6 ");
        let mut names = names_in(folder.path()).unwrap();
        names.sort();
        let compressed: Vec<bool> = names.iter().map(|name| name.ends_with(".gz")).collect();
        assert_eq!(compressed, [false, true, true, false], "{names:?}");
    }

    #[test]
    fn what_a_crash_leaves_is_made_good() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("0.log");
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (policy, tmp) = (LogPolicy::default(), folder.path().join("0.log.20261124-190000.tmp"));
        fs::write(&tmp, "half").unwrap();
        assert_eq!(rotate(&log, policy, now).unwrap(), Next::Reopen { aside: None }, "renamed and not opened anew");
        assert!(!tmp.exists());
        fs::write(&log, "x").unwrap();
        assert_eq!(rotate(&log, policy, now).unwrap(), Next::Nothing, "too small");
    }

    #[test]
    fn a_part_gets_its_name_back_if_the_runtime_can_not_open_another() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("0.log");
        fs::write(&log, "x\n").unwrap();
        let policy = LogPolicy { max_size: 1, max_files: 2 };
        let Next::Reopen { aside: Some(aside) } = rotate(&log, policy, Timestamp::UNIX_EPOCH).unwrap() else {
            panic!("not rotated")
        };
        undo(&log, &aside).unwrap();
        assert_eq!(read_all(&log), "x ");
    }
}
