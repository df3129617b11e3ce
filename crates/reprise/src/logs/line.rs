//! One line of a container's log file, in the CRI format: `<time> <stream> <P|F> <text>`.

/// Which stream of the container a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// A log line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub stream: Stream,
    /// The container had not written a line end: the next line of the stream continues this one.
    pub partial: bool,
    pub text: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line apart; none if it is not in the format.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = bytes.splitn(4, |b| *b == b' ');
        let (_time, stream, tag, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let stream = match stream {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let partial = tag.first() == Some(&b'P');
        Some(Self { stream, partial, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_stream_a_text_and_may_be_partial() {
        let line = Line::parse(b"2026-01-01T00:00:00.1Z stderr P a b  c").unwrap();
        assert_eq!(line, Line { stream: Stream::Stderr, partial: true, text: b"a b  c" });
        let line = Line::parse(b"2026-01-01T00:00:00.1Z stdout F ").unwrap();
        assert_eq!(line, Line { stream: Stream::Stdout, partial: false, text: b"" });
    }

    #[test]
    fn what_is_not_in_the_format_is_no_line() {
        assert!(Line::parse(b"hello").is_none());
        assert!(Line::parse(b"2026 other F text").is_none());
    }
}
