//! Errors in the words that a kubelet has for them: people search for these, and tools match on them.

use std::error::Error;
use std::io;
use std::time::Duration;

/// How much of a program's or server's output is kept.
pub(super) const KEPT_OUTPUT: usize = 10 << 10;

/// The user agent of probes. Servers know probes by it.
pub(super) const USER_AGENT: &str = "kube-probe/1.36";

/// An operating system's error: `connection refused`.
pub(super) fn of_io(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words);
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The first cause, which says most.
pub(super) fn first_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), of_io)
}

/// `1s`, `1m30s`.
pub(super) fn duration(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Output as text, no more than is kept.
pub(super) fn output(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT_OUTPUT)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_go_writes_them() {
        assert_eq!(of_io(&io::Error::from_raw_os_error(111)), "connection refused");
        assert_eq!(duration(Duration::from_secs(90)), "1m30s");
    }

    #[test]
    fn output_is_bounded() {
        assert_eq!(output(&vec![b'x'; KEPT_OUTPUT * 2]).len(), KEPT_OUTPUT);
    }
}
