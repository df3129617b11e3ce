//! Reading logs in CRI's format.

use std::fs;
use std::path::Path;

/// A line of a log, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub time: jiff::Timestamp,
    pub stream: String,
    pub is_partial: bool,
    pub text: Vec<u8>,
}

/// The lines of a log; none if there is no such file (yet). A line that is still being written is left out.
pub fn read(path: &Path) -> Vec<Line> {
    let bytes = fs::read(path).unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    bytes[..whole].split_inclusive(|byte| *byte == b'\n').map(|line| parse(&line[..line.len() - 1])).collect()
}

fn parse(line: &[u8]) -> Line {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let mut word = || String::from_utf8(parts.next().expect("four parts").to_vec()).expect("a word");
    let (time, stream, tag) = (word(), word(), word());
    assert!(["stdout", "stderr"].contains(&stream.as_str()), "{stream}");
    assert!(["P", "F"].contains(&tag.as_str()), "{tag}");
    let time = time.parse().unwrap_or_else(|error| panic!("{time}: {error}"));
    Line { time, stream, is_partial: tag == "P", text: parts.next().expect("a text").to_vec() }
}

/// What was written to a stream, parts put together.
pub fn joined(lines: &[Line], stream: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines.iter().filter(|line| line.stream == stream) {
        bytes.extend_from_slice(&line.text);
        if !line.is_partial {
            bytes.push(b'\n');
        }
    }
    bytes
}
