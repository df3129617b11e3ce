//! Reads a log over all its parts, the oldest first, as it grows, and goes on in the next file when it has been rotated:
//! renamed, with a new file under its name.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use reprise_core::log_rotation::Rotated;

use super::part;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// A line longer than this is no log line; it is handed over in parts rather than kept.
const MAX_LINE: usize = 1024 * 1024;

/// A log and how far it has been read.
pub struct Source {
    path: PathBuf,
    /// Parts that are still to be read before the file under the log's name.
    parts: VecDeque<Rotated>,
    /// The part that is being read.
    part: Option<Box<dyn Read + Send>>,
    /// The file that was found under the log's name.
    file: Option<File>,
    /// Parts up to this one were there when that file was opened, or have been read.
    seen: Option<String>,
    /// What was read of a line that is not whole yet.
    rest: Vec<u8>,
    /// Begin with so many lines from the end.
    tail: Option<u64>,
    /// So many lines of what is read next are left out.
    skip: u64,
    /// The file under the name is another one: this one gets nothing more.
    rotated: bool,
}

/// What a look at the file has given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Lines, or at least a part of one; there may be more.
    Some,
    /// Nothing new.
    End,
}

impl Source {
    /// The log that is written to `path`, or its last `tail` lines.
    #[must_use]
    pub fn new(path: PathBuf, tail: Option<u64>) -> Self {
        let (parts, rest) = (VecDeque::new(), Vec::new());
        Self { path, parts, part: None, file: None, seen: None, rest, tail, skip: 0, rotated: false }
    }

    /// Hands over whole lines, without their ends, of what comes next.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn read(&mut self, line: impl FnMut(&[u8])) -> io::Result<Progress> {
        if self.part.is_none() && self.parts.is_empty() && self.file.is_none() {
            self.find()?;
        }
        while self.part.is_none()
            && let Some(next) = self.parts.pop_front()
        {
            self.part = part::open(&self.path, &next)?;
        }
        let Some(mut reader) = self.part.take() else { return self.read_newest(line) };
        if self.take_chunk(&mut reader, line)? {
            self.part = Some(reader);
        } else {
            self.rest.clear();
        }
        Ok(Progress::Some)
    }

    fn read_newest(&mut self, line: impl FnMut(&[u8])) -> io::Result<Progress> {
        let Some(mut file) = self.file.as_ref().map(File::try_clone).transpose()? else { return Ok(Progress::End) };
        if self.take_chunk(&mut file, line)? { Ok(Progress::Some) } else { self.look_for_next() }
    }

    /// False at the end.
    fn take_chunk(&mut self, reader: &mut impl Read, line: impl FnMut(&[u8])) -> io::Result<bool> {
        let before = self.rest.len();
        self.rest.reserve(CHUNK);
        reader.take(CHUNK as u64).read_to_end(&mut self.rest)?;
        if self.rest.len() == before {
            return Ok(false);
        }
        self.hand_over(line);
        Ok(true)
    }

    /// Opens the file under the name, and lists the parts before it that have not been read.
    fn find(&mut self) -> io::Result<()> {
        self.file = match File::open(&self.path) {
            Ok(file) => Some(file),
            // The runtime makes it when the container starts; during a rotation it is away for a moment.
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let own = self.file.as_ref().map(File::metadata).transpose()?;
        let mut parts = part::of(&self.path)?;
        parts.retain(|part| self.seen.as_ref().is_none_or(|seen| part.stamp > *seen));
        // It may have been put aside just now.
        parts.retain(|part| !own.as_ref().is_some_and(|own| self.is_part(part, own)));
        self.seen = parts.last().map(|part| part.stamp.clone()).or(self.seen.take());
        self.parts = parts.into();
        if let Some(lines) = self.tail.take() {
            self.begin_from_end(lines)?;
        }
        Ok(())
    }

    /// Leaves out all but the last `lines` lines.
    fn begin_from_end(&mut self, lines: u64) -> io::Result<()> {
        let mut missing = lines;
        if let Some(file) = &mut self.file {
            let start = tail_start(file, lines)?;
            file.seek(SeekFrom::Start(start))?;
            missing = if start > 0 { 0 } else { lines.saturating_sub(part::count_lines(&*file)?) };
            file.seek(SeekFrom::Start(start))?;
        }
        let mut kept = VecDeque::new();
        while missing > 0
            && let Some(part) = self.parts.pop_back()
        {
            let count = part::open(&self.path, &part)?.map_or(Ok(0), part::count_lines)?;
            self.skip = count.saturating_sub(missing);
            missing = missing.saturating_sub(count);
            kept.push_front(part);
        }
        self.parts = kept;
        Ok(())
    }

    fn hand_over(&mut self, mut line: impl FnMut(&[u8])) {
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|b| *b == b'\n') {
            if self.skip == 0 {
                line(&self.rest[begin..begin + length]);
            }
            self.skip = self.skip.saturating_sub(1);
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
        let Some(file) = &self.file else { return Ok(Progress::End) };
        let open = file.metadata()?;
        if self.rotated {
            self.rotated = false;
            self.rest.clear();
            self.forget_part(&open)?;
            self.file = None;
            return Ok(Progress::Some);
        }
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

    /// The file that was read to its end is now the first part after those that were seen. A slow reader may find more
    /// parts after it; should it be so slow that its own is gone or compressed, the first one is taken for it.
    fn forget_part(&mut self, own: &Metadata) -> io::Result<()> {
        let parts = part::of(&self.path)?;
        let mut new = parts.iter().filter(|part| self.seen.as_ref().is_none_or(|seen| part.stamp > *seen));
        if let Some(first) = new.next().filter(|part| part.compressed || self.is_part(part, own)) {
            self.seen = Some(first.stamp.clone());
        }
        Ok(())
    }

    fn is_part(&self, part: &Rotated, own: &Metadata) -> bool {
        let found = std::fs::metadata(self.path.with_file_name(&part.name));
        found.is_ok_and(|found| (found.dev(), found.ino()) == (own.dev(), own.ino()))
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
        let (path, old) = (folder.path().join("0.log"), folder.path().join("0.log.20261124-190000"));
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

    #[test]
    fn a_reader_that_is_behind_by_several_rotations_reads_all_parts() {
        let folder = tempfile::tempdir().unwrap();
        let (path, part) = (folder.path().join("0.log"), |n| folder.path().join(format!("0.log.20261124-19000{n}")));
        append(&part(0), "zero\n");
        append(&path, "one\n");
        let mut source = Source::new(path.clone(), None);
        assert_eq!(all(&mut source), ["zero", "one"]);
        for (number, text) in [(1, "two\n"), (2, "three\n")] {
            fs::rename(&path, part(number)).unwrap();
            append(&path, text);
        }
        assert_eq!(all(&mut source), ["two", "three"]);
    }

    #[test]
    fn a_tail_reaches_into_older_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        append(&folder.path().join("0.log.20261124-190000"), "one\ntwo\n");
        append(&folder.path().join("0.log.20261124-190100"), "three\nfour\n");
        append(&path, "five\n");
        let tail = |lines| all(&mut Source::new(path.clone(), Some(lines)));
        assert_eq!(tail(1), ["five"]);
        assert_eq!(tail(2), ["four", "five"]);
        assert_eq!(tail(4), ["two", "three", "four", "five"]);
        assert_eq!(tail(9), ["one", "two", "three", "four", "five"]);
    }
}
