//! All logs of one Pod as they grow: every container, every run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::line::{Line, Stream};
use super::tail::Tail;

/// The logs of one Pod.
pub struct PodLogs {
    pod: String,
    folder: PathBuf,
    /// By container and number of the run. A run that a newer one has followed is over: its file is closed.
    runs: BTreeMap<(String, u32), Option<Followed>>,
}

/// The log of one run. Lines whose end hasn't come yet are kept by stream.
struct Followed {
    tail: Tail,
    begun: [Vec<u8>; 2],
}

impl PodLogs {
    /// The logs in `folder` of the Pod that lines are prefixed with.
    pub fn new(pod: String, folder: PathBuf) -> Self {
        Self { pod, folder, runs: BTreeMap::new() }
    }

    /// Leaves out what is there already.
    pub fn skip_written(&mut self) -> Result<()> {
        self.read(|_, _, _| Ok(()))
    }

    /// Hands over Pod, container and text of each line that is new.
    pub fn read(&mut self, mut line: impl FnMut(&str, &str, &[u8]) -> io::Result<()>) -> Result<()> {
        self.find_runs()?;
        let newest: BTreeMap<String, u32> = self.runs.keys().cloned().collect();
        for ((container, run), followed) in &mut self.runs {
            let Some(open) = followed else { continue };
            open.read(|text| line(&self.pod, container, text))?;
            if newest.get(container).is_some_and(|newest| newest > run) {
                *followed = None;
            }
        }
        Ok(())
    }

    /// There were logs and their folder is gone, with the Pod.
    pub fn is_gone(&self) -> bool {
        !self.runs.is_empty() && !self.folder.exists()
    }

    fn find_runs(&mut self) -> Result<()> {
        for (container, folder) in entries(&self.folder)? {
            for (name, path) in entries(&folder)? {
                let Some(run) = name.strip_suffix(".log").and_then(|run| run.parse().ok()) else { continue };
                let new = || Some(Followed { tail: Tail::new(path), begun: Default::default() });
                self.runs.entry((container.clone(), run)).or_insert_with(new);
            }
        }
        Ok(())
    }
}

impl Followed {
    fn read(&mut self, mut line: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
        let Self { tail, begun } = self;
        let mut written = Ok(());
        tail.read_lines(|bytes| {
            let Some(part) = Line::parse(bytes) else { return };
            let begun = &mut begun[usize::from(part.stream == Stream::Stderr)];
            if begun.is_empty() && !part.partial {
                written = std::mem::replace(&mut written, Ok(())).and_then(|()| line(part.text));
                return;
            }
            begun.extend_from_slice(part.text);
            if !part.partial {
                written = std::mem::replace(&mut written, Ok(())).and_then(|()| line(begun));
                begun.clear();
            }
        })?;
        written.context("writing to standard output")
    }
}

/// Names and paths in a folder, sorted; none if it isn't there yet.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| format!("reading the log folder {}", folder.display())),
    };
    let mut entries = Vec::new();
    for entry in found {
        let entry = entry.with_context(|| format!("reading the log folder {}", folder.display()))?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(logs: &mut PodLogs) -> Vec<String> {
        let mut lines = Vec::new();
        logs.read(|pod, container, text| {
            lines.push(format!("{pod} {container} {}", String::from_utf8_lossy(text)));
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn runs_that_begin_later_are_found_and_partial_lines_are_joined() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut followed = PodLogs::new("p".to_owned(), logs.clone());
        assert_eq!(lines(&mut followed), [] as [&str; 0]);
        fs::create_dir_all(logs.join("main")).unwrap();
        fs::write(logs.join("main/0.log"), "T stdout F one\nT stdout P tw").unwrap();
        assert_eq!(lines(&mut followed), ["p main one"]);
        fs::write(logs.join("main/1.log"), "T stdout P half, \nT stdout F whole\n").unwrap();
        fs::write(logs.join("main/note.txt"), "T stdout F no log\n").unwrap();
        assert_eq!(lines(&mut followed), ["p main half, whole"]);
    }

    #[test]
    fn what_was_written_before_can_be_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("main")).unwrap();
        fs::write(folder.path().join("main/0.log"), "T stdout F old\n").unwrap();
        let mut followed = PodLogs::new("p".to_owned(), folder.path().to_owned());
        followed.skip_written().unwrap();
        fs::write(folder.path().join("main/1.log"), "T stdout F new\n").unwrap();
        assert_eq!(lines(&mut followed), ["p main new"]);
    }
}
