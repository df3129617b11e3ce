//! A container's log file in the CRI format: `<time> <stream> <P|F> <text>`, a line each.
//!
//! What can't be written is lost, and the container does not notice. The file stays well-formed: a line that was cut
//! off in the middle is taken back, and a line of which only the first parts are there is ended before the next begins.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Longer lines are written in parts, as other runtimes do.
const LONGEST: usize = 16 * 1024;

/// Writes the two streams of one container.
pub struct LogWriter {
    path: PathBuf,
    file: File,
    stdout: Rest,
    stderr: Rest,
    /// Bytes of lines that could not be written since the last that could.
    lost: u64,
    /// The file ends within a line, which could not be taken back.
    torn: bool,
}

/// Where a stream is within its line.
#[derive(Default)]
struct Rest {
    /// What waits for the line's end.
    bytes: Vec<u8>,
    /// The last that the file has of the stream is a part of a line that goes on.
    open: bool,
    /// The rest of that line was lost.
    cut_off: bool,
}

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Lines as they are to be written, with where each ends and whether it is a part.
struct Lines {
    stream: Stream,
    now: Timestamp,
    text: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl LogWriter {
    /// Opens the log for appending, making its folder if needed.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = append(&path)?;
        Ok(Self { path, file, stdout: Rest::default(), stderr: Rest::default(), lost: 0, torn: false })
    }

    /// Opens the file anew, after it was moved away.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        self.torn = false;
        Ok(())
    }

    /// Takes output as it comes and writes the lines that are whole, or too long to wait for.
    pub fn take(&mut self, stream: Stream, bytes: &[u8], now: Timestamp) {
        let rest = self.rest(stream);
        rest.bytes.extend_from_slice(bytes);
        let mut lines = Lines { stream, now, text: Vec::new(), ends: Vec::new() };
        let mut begin = 0;
        loop {
            let left = &rest.bytes[begin..];
            match left.iter().take(LONGEST).position(|b| *b == b'\n') {
                Some(length) => {
                    lines.add(b'F', &left[..length]);
                    begin += length + 1;
                }
                None if left.len() >= LONGEST => {
                    lines.add(b'P', &left[..LONGEST]);
                    begin += LONGEST;
                }
                None => break,
            }
        }
        rest.bytes.drain(..begin);
        self.write(lines);
    }

    /// Writes what is left at the end of the container: a last line without a line end.
    pub fn finish(&mut self, now: Timestamp) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let bytes = std::mem::take(&mut self.rest(stream).bytes);
            let mut lines = Lines { stream, now, text: Vec::new(), ends: Vec::new() };
            if !bytes.is_empty() {
                lines.add(b'P', &bytes);
            }
            self.write(lines);
        }
    }

    fn rest(&mut self, stream: Stream) -> &mut Rest {
        if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr }
    }

    fn write(&mut self, mut lines: Lines) {
        if lines.ends.is_empty() {
            return;
        }
        if self.rest(lines.stream).cut_off {
            lines.end_what_is_cut_off();
        }
        if self.torn {
            lines.begin_anew();
        }
        let (written, error) = write_all(&mut self.file, &lines.text);
        let last = lines.ends.iter().rev().find(|(end, _)| *end <= written).copied();
        let kept = last.map_or(0, |(end, _)| end);
        let rest = self.rest(lines.stream);
        if let Some((_, part)) = last {
            (rest.open, rest.cut_off) = (part, false);
        }
        match error {
            None => self.report_recovery(),
            Some(error) => {
                rest.cut_off = rest.open;
                self.take_back(written - kept);
                self.report_loss(lines.text.len() - kept, &error);
            }
        }
    }

    /// Removes the beginning of a line from the end of the file.
    fn take_back(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let length = self.file.metadata().map(|m| m.len().saturating_sub(bytes as u64));
        self.torn = length.and_then(|length| self.file.set_len(length)).is_err();
    }

    /// Said once: the reason is likely to last, and where this is said may be on the same disk.
    fn report_loss(&mut self, bytes: usize, error: &io::Error) {
        if self.lost == 0 {
            eprintln!("{}: {error}; output is being lost", self.path.display());
        }
        self.lost += bytes as u64;
    }

    fn report_recovery(&mut self) {
        self.torn = false;
        if self.lost > 0 {
            eprintln!("{}: can be written again; {} bytes were lost", self.path.display(), self.lost);
            self.lost = 0;
        }
    }
}

/// Writes as much as can be written: how much, and what stopped it.
fn write_all(file: &mut File, text: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while written < text.len() {
        match file.write(&text[written..]) {
            Ok(0) => return (written, Some(ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return (written, Some(e)),
        }
    }
    (written, None)
}

impl Lines {
    fn add(&mut self, tag: u8, text: &[u8]) {
        line(&mut self.text, self.stream, tag, text, self.now);
        self.ends.push((self.text.len(), tag == b'P'));
    }

    /// Puts an empty last part before all others.
    fn end_what_is_cut_off(&mut self) {
        let mut before = Vec::new();
        line(&mut before, self.stream, b'F', b"", self.now);
        self.insert(&before, Some(false));
    }

    fn begin_anew(&mut self) {
        self.insert(b"\n", None);
    }

    fn insert(&mut self, before: &[u8], end: Option<bool>) {
        self.text.splice(0..0, before.iter().copied());
        self.ends.iter_mut().for_each(|(end, _)| *end += before.len());
        self.ends.splice(0..0, end.map(|part| (before.len(), part)));
    }
}

/// Logs are for the node's own user and its group: nobody knows what containers write.
fn append(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
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
            log.take(Stream::Stdout, b"one\ntw", now);
            log.take(Stream::Stderr, b"err\n", now);
            log.take(Stream::Stdout, b"o\nthree", now);
            log.finish(now);
        });
        assert_eq!(lines, ["stdout F one", "stderr F err", "stdout F two", "stdout P three"]);
    }

    #[test]
    fn very_long_lines_are_written_in_parts() {
        let lines = written(|log| {
            let long = vec![b'x'; LONGEST + 5];
            log.take(Stream::Stdout, &long, Timestamp::UNIX_EPOCH);
            log.take(Stream::Stdout, b"\n", Timestamp::UNIX_EPOCH);
        });
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [9 + LONGEST, 14]);
    }

    /// Lines of a log on a file system of 64 KiB, of which `write` may take `room` bytes.
    fn on_a_full_disk(room: usize, write: impl FnOnce(&mut LogWriter, &dyn Fn()) + Send + 'static) -> Vec<String> {
        // A mount namespace of the thread's own: the mount goes with it.
        let tried = std::thread::spawn(move || {
            use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            let folder = tempfile::tempdir().unwrap();
            mount("log", folder.path(), "tmpfs", MountFlags::empty(), c"size=64k").unwrap();
            let filler = folder.path().join("filler");
            std::fs::write(&filler, vec![0; 64 * 1024 - room]).unwrap();
            let mut log = LogWriter::open(folder.path().join("0.log")).unwrap();
            write(&mut log, &|| std::fs::remove_file(&filler).unwrap());
            let text = std::fs::read_to_string(folder.path().join("0.log")).unwrap();
            rustix::mount::unmount(folder.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
            text
        });
        let text = tried.join().unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|l| l.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn a_full_disk_tears_no_line_and_what_comes_after_it_is_written() {
        let now = Timestamp::UNIX_EPOCH;
        let lines = on_a_full_disk(4096, move |log, make_room| {
            log.take(Stream::Stdout, b"first\n", now);
            let second = format!("{}\n", "x".repeat(6000));
            log.take(Stream::Stdout, second.as_bytes(), now);
            make_room();
            log.take(Stream::Stdout, b"third\n", now);
        });
        assert_eq!(lines, ["stdout F first", "stdout F third"]);
    }

    #[test]
    fn a_line_whose_end_was_lost_is_ended_before_the_next() {
        let now = Timestamp::UNIX_EPOCH;
        let lines = on_a_full_disk(20 * 1024, move |log, make_room| {
            // The first part fits, the second does not.
            log.take(Stream::Stdout, &vec![b'x'; 2 * LONGEST], now);
            log.take(Stream::Stderr, b"err\n", now);
            make_room();
            log.take(Stream::Stdout, b"the end\nnext\n", now);
        });
        let short: Vec<&str> = lines.iter().map(|l| &l[..l.len().min(20)]).collect();
        let part = "stdout P xxxxxxxxxxx";
        let ended = [part, "stderr F err", "stdout F ", "stdout F the end", "stdout F next"];
        // Whether the short line fitted depends on the page that the rest of the long one had taken.
        let without: Vec<&str> = ended.iter().copied().filter(|l| *l != "stderr F err").collect();
        assert!(short == ended || short == without, "{short:?}");
    }

    #[test]
    fn binary_output_comes_through_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        let mut log = LogWriter::open(path.clone()).unwrap();
        log.take(Stream::Stdout, b"\x00\xff\r\xc3(\n", Timestamp::UNIX_EPOCH);
        let text = std::fs::read(&path).unwrap();
        assert!(text.ends_with(b" stdout F \x00\xff\r\xc3(\n"));
    }

    #[test]
    fn a_log_is_opened_anew_also_when_its_folder_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("container/0.log");
        let mut log = LogWriter::open(path.clone()).unwrap();
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        log.take(Stream::Stdout, b"into the void\n", Timestamp::UNIX_EPOCH);
        log.reopen().unwrap();
        log.take(Stream::Stdout, b"here\n", Timestamp::UNIX_EPOCH);
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("stdout F here\n"));
    }
}
