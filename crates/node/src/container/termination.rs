//! Termination messages: what a container leaves in its termination log, or at the end of its log when it failed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use k8s_openapi::api::core::v1::Container;
use reprise_core::observed::RuntimeExit;

/// The most that is read of a termination log, in bytes.
const FILE_BYTES: u64 = 4096;
/// The most that is taken from a log instead, in bytes and lines.
const LOG_BYTES: usize = 2048;
/// See [`LOG_BYTES`].
const LOG_LINES: usize = 80;
/// How much of the log file is looked at: its lines carry a time and a stream name besides their text.
const LOG_TAIL: u64 = 16 * 1024;
/// Where containers find the file unless they say otherwise.
const DEFAULT_PATH: &str = "/dev/termination-log";

/// Where the container finds its termination log.
pub(crate) fn path_in_container(container: &Container) -> &str {
    container.termination_message_path.as_deref().filter(|p| !p.is_empty()).unwrap_or(DEFAULT_PATH)
}

/// Makes the file, empty, for a new run. It is always the same file, so that a container's configuration is the same in every epoch.
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    // Any user in the container may write it, whatever the node's umask.
    file.set_permissions(Permissions::from_mode(0o666))
}

/// Adds the container's own message to what the runtime reports of its end.
pub(crate) fn complete(exit: &mut RuntimeExit, container: &Container, termination_log: &Path, log: &Path) {
    let falls_back = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    let mut message = tail(termination_log, FILE_BYTES).unwrap_or_default();
    if message.is_empty() && falls_back && exit.exit_code != 0 && exit.reason != "ContainerCannotRun" {
        message = log_tail(log).unwrap_or_default();
    }
    match (message.is_empty(), exit.message.is_empty()) {
        (true, _) => {}
        (false, true) => exit.message = message,
        (false, false) => exit.message = format!("{}: {message}", exit.message),
    }
}

/// The last `limit` bytes of a file. Never follows a link that a container may have put there, never waits on a pipe.
fn tail(path: &Path, limit: u64) -> io::Result<String> {
    let mut file = open_regular(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The last lines of a log in CRI format, without their prefix.
fn log_tail(path: &Path) -> io::Result<String> {
    let text = tail(path, LOG_TAIL)?;
    let mut lines: Vec<String> = text.lines().filter_map(content).collect();
    lines.drain(..lines.len().saturating_sub(LOG_LINES));
    let joined = lines.concat();
    let mut start = joined.len().saturating_sub(LOG_BYTES);
    while !joined.is_char_boundary(start) {
        start += 1;
    }
    Ok(joined[start..].to_owned())
}

/// `<time> <stream> <P or F> <text>`: a full line ends here, a partial one goes on with the next.
fn content(line: &str) -> Option<String> {
    let mut parts = line.splitn(4, ' ');
    let (_time, _stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let text = parts.next().unwrap_or_default();
    Some(if tag.starts_with('P') { text.to_owned() } else { format!("{text}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn exit(exit_code: i32, message: &str) -> RuntimeExit {
        RuntimeExit {
            exit_code,
            reason: String::new(),
            message: message.to_owned(),
            started_at: None,
            finished_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn completed(code: i32, policy: &str, said: &str, file: &str, log: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (file_path, log_path) = (folder.path().join("t"), folder.path().join("l"));
        prepare(&file_path).unwrap();
        fs::write(&file_path, file).unwrap();
        fs::write(&log_path, log).unwrap();
        let mut exit = exit(code, said);
        let container = Container { termination_message_policy: Some(policy.to_owned()), ..Container::default() };
        complete(&mut exit, &container, &file_path, &log_path);
        exit.message
    }

    #[test]
    fn the_message_comes_from_the_file_and_follows_the_runtimes_own() {
        assert_eq!(completed(0, "File", "", "done", ""), "done");
        assert_eq!(completed(1, "File", "oom", "bye", ""), "oom: bye");
        assert_eq!(completed(1, "File", "oom", "", "t stdout F log"), "oom");
        let long = format!("{}END", "x".repeat(5000));
        let message = completed(0, "File", "", &long, "");
        assert_eq!((message.len(), message.ends_with("END")), (4096, true));
    }

    #[test]
    fn a_failed_container_without_a_message_falls_back_to_its_log() {
        let log = "2024 stdout F one\n2024 stderr P two-\n2024 stderr F three\n";
        assert_eq!(completed(1, "FallbackToLogsOnError", "", "", log), "one\ntwo-three\n");
        assert_eq!(completed(0, "FallbackToLogsOnError", "", "", log), "");
        let many: String = (0..200).map(|i| format!("t stdout F {i}\n")).collect();
        let message = completed(1, "FallbackToLogsOnError", "", "", &many);
        assert!(message.starts_with("120\n") && message.ends_with("199\n"));
    }

    #[test]
    fn a_link_in_place_of_the_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let mut exit = exit(0, "");
        complete(&mut exit, &Container::default(), &path, &path);
        assert_eq!(exit.message, "");
    }
}
