//! Lines of a log as a client sees them.

use jiff::Timestamp;

use super::line::Line;
use super::options::LogOptions;

/// Turns lines of the file into output, up to the limit.
#[derive(Debug)]
pub(super) struct Printer {
    timestamps: bool,
    since: Option<Timestamp>,
    left: Option<u64>,
    begins_line: bool,
}

impl Printer {
    pub(super) fn new(options: &LogOptions) -> Self {
        let LogOptions { timestamps, since, limit_bytes, .. } = *options;
        Self { timestamps, since, left: limit_bytes, begins_line: true }
    }

    /// Nothing more may be printed.
    pub(super) fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// Adds what is printed for a line of the file. A time stands before whole lines only, as from the kubelet.
    pub(super) fn print(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(line) = Line::parse(bytes) else {
            return tracing::debug!("a line of a log is not in the CRI format");
        };
        if self.since.is_some_and(|since| line.is_before(since)) {
            return;
        }
        // Lines are in the order of their times: the rest needs no comparing.
        self.since = None;
        if self.timestamps && self.begins_line {
            self.put(line.time, out);
            self.put(b" ", out);
        }
        self.put(line.text, out);
        if !line.partial {
            self.put(b"\n", out);
        }
        self.begins_line = !line.partial;
    }

    fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let fits = self.left.map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        out.extend_from_slice(&bytes[..fits]);
        self.left = self.left.map(|left| left.saturating_sub(fits as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&[u8]; 4] = [
        b"2026-01-01T00:00:01Z stdout F one",
        b"2026-01-01T00:00:02Z stdout P tw",
        b"2026-01-01T00:00:03Z stdout F o",
        b"no line",
    ];

    fn printed(options: LogOptions) -> String {
        let (mut printer, mut out) = (Printer::new(&options), Vec::new());
        LINES.iter().for_each(|line| printer.print(line, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parts_of_a_line_are_joined_and_have_one_time() {
        assert_eq!(printed(LogOptions::default()), "one\ntwo\n");
        let with_times = printed(LogOptions { timestamps: true, ..LogOptions::default() });
        assert_eq!(with_times, "2026-01-01T00:00:01Z one\n2026-01-01T00:00:02Z two\n");
    }

    #[test]
    fn older_lines_and_bytes_above_the_limit_are_left_out() {
        let since = "2026-01-01T00:00:02Z".parse().ok();
        assert_eq!(printed(LogOptions { since, ..LogOptions::default() }), "two\n");
        assert_eq!(printed(LogOptions { limit_bytes: Some(5), ..LogOptions::default() }), "one\nt");
    }
}
