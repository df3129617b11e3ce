//! Reads a log file as it grows, and goes on in the next one when it has been rotated: renamed, with a new file under
//! its name.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// A line longer than this is no log line; it is handed over in parts rather than kept.
const MAX_LINE: usize = 1024 * 1024;

/// A log file and how far it has been read.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: Option<File>,
    /// What was read of a line that is not whole yet.
    rest: Vec<u8>,
    /// Begin with so many lines from the end.
    tail: Option<u64>,
    /// The file under the name is another one: this one gets nothing more.
    rotated: bool,
}

/// What a look at the file has given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Lines, or at least a part of one; there may be more.
    Some,
    /// Nothing new.
    End,
}

impl Source {
    pub(super) fn new(path: PathBuf, tail: Option<u64>) -> Self {
        Self { path, file: None, rest: Vec::new(), tail, rotated: false }
    }

    /// Hands over whole lines, without their ends, of the next part of the file.
    pub(super) fn read(&mut self, line: impl FnMut(&[u8])) -> io::Result<Progress> {
        let Some(file) = self.open()? else { return Ok(Progress::End) };
        let before = self.rest.len();
        self.rest.reserve(CHUNK);
        file.take(CHUNK as u64).read_to_end(&mut self.rest)?;
        if self.rest.len() > before {
            self.hand_over(line);
            return Ok(Progress::Some);
        }
        self.look_for_next()
    }

    fn open(&mut self) -> io::Result<Option<File>> {
        if self.file.is_none() {
            let mut file = match File::open(&self.path) {
                Ok(file) => file,
                // The runtime makes it when the container starts; during a rotation it is away for a moment.
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            if let Some(lines) = self.tail.take() {
                let start = tail_start(&mut file, lines)?;
                file.seek(SeekFrom::Start(start))?;
            }
            self.file = Some(file);
        }
        // Clones share the place in the file.
        self.file.as_ref().map(File::try_clone).transpose()
    }

    fn hand_over(&mut self, mut line: impl FnMut(&[u8])) {
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|b| *b == b'\n') {
            line(&self.rest[begin..begin + length]);
            begin += length + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() > MAX_LINE {
            line(&self.rest);
            self.rest.clear();
        }
    }

    /// At the end of the file: goes over to the next one if it is there. What the runtime wrote to the old one before it
    /// opened the next is read first, with one more look.
    fn look_for_next(&mut self) -> io::Result<Progress> {
        if self.rotated {
            self.file = None;
            self.rest.clear();
            self.rotated = false;
            return Ok(Progress::Some);
        }
        let Some(file) = &self.file else { return Ok(Progress::End) };
        let open = file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) != (open.dev(), open.ino()) => {
                self.rotated = true;
                Ok(Progress::Some)
            }
            Ok(_) => Ok(Progress::End),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Progress::End),
            Err(e) => Err(e),
        }
    }
}

/// Where the last `lines` lines of a file begin.
fn tail_start(file: &mut File, lines: u64) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    if lines == 0 {
        return Ok(end);
    }
    let mut found = 0;
    let mut block = vec![0; CHUNK];
    let last = end;
    while end > 0 {
        let begin = end.saturating_sub(CHUNK as u64);
        let block = &mut block[..usize::try_from(end - begin).unwrap_or(CHUNK)];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(block)?;
        for (at, byte) in block.iter().enumerate().rev() {
            let place = begin + at as u64;
            // The end of the last line ends none of those before it.
            if *byte == b'\n' && place + 1 != last {
                found += 1;
                if found == lines {
                    return Ok(place + 1);
                }
            }
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn all(source: &mut Source) -> Vec<String> {
        let mut lines = Vec::new();
        while source.read(|line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap() == Progress::Some {}
        lines
    }

    fn append(path: &Path, text: &str) {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_read_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        let mut source = Source::new(path.clone(), None);
        assert_eq!(all(&mut source), [] as [&str; 0]);
        append(&path, "one\ntw");
        assert_eq!(all(&mut source), ["one"]);
        append(&path, "o\n");
        assert_eq!(all(&mut source), ["two"]);
    }

    #[test]
    fn nothing_is_lost_or_told_twice_when_the_file_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("0.log"), folder.path().join("0.log.1"));
        let mut source = Source::new(path.clone(), None);
        append(&path, "one\n");
        assert_eq!(all(&mut source), ["one"]);
        fs::rename(&path, &old).unwrap();
        append(&old, "two\n");
        assert_eq!(all(&mut source), ["two"], "the runtime still writes to the old file");
        append(&old, "three\n");
        append(&path, "four\n");
        assert_eq!(all(&mut source), ["three", "four"]);
    }

    #[test]
    fn a_tail_begins_so_many_lines_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        let long = "x".repeat(CHUNK);
        append(&path, &format!("one\n{long}\nthree\n"));
        let tail = |lines| all(&mut Source::new(path.clone(), Some(lines)));
        assert_eq!(tail(0), [] as [&str; 0]);
        assert_eq!(tail(1), ["three"]);
        assert_eq!(tail(2), [&long, "three"]);
        assert_eq!(tail(9), ["one", &long, "three"]);
    }
}
