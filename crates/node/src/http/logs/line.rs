//! One line of a log file in the CRI format: `<time> <stream> <P|F> <text>`.

use jiff::Timestamp;

/// A line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// As the runtime wrote it.
    pub time: &'a [u8],
    /// The container had not written a line end yet.
    pub partial: bool,
    pub text: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line without its end apart; none if it is not in the format.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = bytes.splitn(4, |b| *b == b' ');
        let (time, stream, tag, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A tag is a list, of which the first entry says whether the line is whole.
        matches!(stream, b"stdout" | b"stderr").then(|| Self { time, partial: tag.first() == Some(&b'P'), text })
    }

    /// Whether it was written before `since`. A time that can't be read is not before anything.
    pub(super) fn is_before(&self, since: Timestamp) -> bool {
        let time = std::str::from_utf8(self.time).ok().and_then(|text| text.parse::<Timestamp>().ok());
        time.is_some_and(|time| time < since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_time_and_a_text_and_may_be_partial() {
        let line = Line::parse(b"2026-01-01T00:00:00.1Z stderr P a b  c").unwrap();
        assert_eq!((line.time, line.partial, line.text), (&b"2026-01-01T00:00:00.1Z"[..], true, &b"a b  c"[..]));
        assert!(!Line::parse(b"2026-01-01T01:00:00+01:00 stdout F ").unwrap().partial);
        assert!(Line::parse(b"hello").is_none() && Line::parse(b"2026 other F text").is_none());
    }

    #[test]
    fn times_compare_across_zones() {
        let line = Line::parse(b"2026-01-01T01:00:00.5+01:00 stdout F x").unwrap();
        assert!(line.is_before("2026-01-01T00:00:01Z".parse().unwrap()));
        assert!(!line.is_before("2026-01-01T00:00:00Z".parse().unwrap()));
    }
}
