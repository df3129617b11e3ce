//! A container's log file in the CRI format: `<time> <stream> <P|F> <text>`, a line each.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;

/// Longer lines are written in parts, as other runtimes do.
const LONGEST: usize = 16 * 1024;

/// Writes the two streams of one container.
pub struct LogWriter {
    path: PathBuf,
    file: File,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogWriter {
    /// Opens the log for appending, making its folder if needed.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = append(&path)?;
        Ok(Self { path, file, stdout: Vec::new(), stderr: Vec::new() })
    }

    /// Opens the file anew, after it was moved away.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        Ok(())
    }

    /// Takes output as it comes and writes the lines that are whole, or too long to wait for.
    pub fn take(&mut self, stream: Stream, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        let rest = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        rest.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut begin = 0;
        loop {
            let left = &rest[begin..];
            match left.iter().take(LONGEST).position(|b| *b == b'\n') {
                Some(length) => {
                    line(&mut lines, stream, b'F', &left[..length], now);
                    begin += length + 1;
                }
                None if left.len() >= LONGEST => {
                    line(&mut lines, stream, b'P', &left[..LONGEST], now);
                    begin += LONGEST;
                }
                None => break,
            }
        }
        rest.drain(..begin);
        if lines.is_empty() { Ok(()) } else { self.file.write_all(&lines) }
    }

    /// Writes what is left at the end of the container: a last line without a line end.
    pub fn finish(&mut self, now: Timestamp) -> io::Result<()> {
        let mut lines = Vec::new();
        for (stream, rest) in [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)] {
            if !rest.is_empty() {
                line(&mut lines, stream, b'P', rest, now);
                rest.clear();
            }
        }
        if lines.is_empty() { Ok(()) } else { self.file.write_all(&lines) }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn line(out: &mut Vec<u8>, stream: Stream, tag: u8, text: &[u8], now: Timestamp) {
    let name: &[u8] = if stream == Stream::Stdout { b"stdout" } else { b"stderr" };
    out.extend_from_slice(format!("{now:.9} ").as_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(&[b' ', tag, b' ']);
    out.extend_from_slice(text);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut LogWriter)) -> Vec<String> {
        let path =
            std::env::temp_dir().join(format!("reprise-log-{}-{:?}", std::process::id(), std::thread::current().id()));
        let mut log = LogWriter::open(path.clone()).unwrap();
        write(&mut log);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        text.lines().map(|l| l.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn lines_are_joined_from_parts_and_streams_kept_apart() {
        let now = Timestamp::UNIX_EPOCH;
        let lines = written(|log| {
            log.take(Stream::Stdout, b"one\ntw", now).unwrap();
            log.take(Stream::Stderr, b"err\n", now).unwrap();
            log.take(Stream::Stdout, b"o\nthree", now).unwrap();
            log.finish(now).unwrap();
        });
        assert_eq!(lines, ["stdout F one", "stderr F err", "stdout F two", "stdout P three"]);
    }

    #[test]
    fn very_long_lines_are_written_in_parts() {
        let lines = written(|log| {
            let long = vec![b'x'; LONGEST + 5];
            log.take(Stream::Stdout, &long, Timestamp::UNIX_EPOCH).unwrap();
            log.take(Stream::Stdout, b"\n", Timestamp::UNIX_EPOCH).unwrap();
        });
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [9 + LONGEST, 14]);
    }
}
