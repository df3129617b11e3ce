//! Variables out of files that containers of the Pod have written (`fileKeyRef`, KEP-3721, on by default since Kubernetes
//! 1.35).
//!
//! A file says `NAME='value'`, one after the other. What stands between the quotes is the value as it is, over several
//! lines if need be; every other way of quoting is an error, so that a shell reads the same. Containers write these
//! files, so a path that leads out of the volume is not followed, and not more is read than a file of variables has.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// The most that a file may have, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// A file whose variables can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvFileError {
    /// It can't be opened or read.
    #[error("can't read the environment variable file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It has more than anybody writes there.
    #[error("the environment variable file {} has more than {MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It says something else than `NAME='value'`.
    #[error("the environment variable file {}, line {line}: {problem}: write NAME='value'", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The value of `key` in the file `path` of the volume at `volume`; none if there is no such file or key in it.
pub(crate) fn value(volume: &Path, path: &str, key: &str) -> Result<Option<String>, EnvFileError> {
    let whole = volume.join(path);
    let failed = |source| EnvFileError::File { path: whole.clone(), source };
    let root = File::open(volume).map_err(failed)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(&root, path, flags, Mode::empty(), resolve) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed(errno.into())),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(EnvFileError::TooLarge { path: whole });
    }
    find(&text, key).map_err(|(line, problem)| EnvFileError::Syntax { path: whole.clone(), line, problem })
}

/// The last value of `key`, as in a shell; the error is a line and what is wrong with it.
fn find(text: &str, key: &str) -> Result<Option<String>, (usize, &'static str)> {
    let (mut found, mut rest, mut line) = (None, text, 1);
    while !rest.is_empty() {
        let this = rest.split_once('\n').map_or(rest, |(this, _)| this);
        if this.trim().is_empty() || this.trim_start().starts_with('#') {
            rest = rest.get(this.len() + 1..).unwrap_or_default();
            line += 1;
            continue;
        }
        let (name, after) = this.split_once('=').ok_or((line, "no ="))?;
        let quoted = after.trim_start_matches([' ', '\t']);
        let start = (this.len() - quoted.len()) + 1;
        if !quoted.starts_with('\'') {
            return Err((line, "a value without single quotes"));
        }
        let length = rest[start..].find('\'').ok_or((line, "a quote without end"))?;
        let value = &rest[start..start + length];
        let behind = &rest[start + length + 1..];
        let (left, next) = behind.split_once('\n').unwrap_or((behind, ""));
        line += value.matches('\n').count();
        if !left.trim().is_empty() {
            return Err((line, "something after the value"));
        }
        if name.trim() == key {
            found = Some(value.to_owned());
        }
        (rest, line) = (next, line + 1);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn values_are_what_stands_between_single_quotes() {
        let text = "# a comment\n\n  A = 'one # two'  \nB='x\ny'\nA='last'\nEMPTY=''";
        assert_eq!(find(text, "B"), Ok(Some("x\ny".to_owned())));
        assert_eq!(find(text, "A"), Ok(Some("last".to_owned())));
        assert_eq!((find(text, "EMPTY"), find(text, "C")), (Ok(Some(String::new())), Ok(None)));
        assert_eq!(find("", "A"), Ok(None));
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_an_error_with_its_line() {
        assert_eq!(find("A='1'\nB=2\n", "A"), Err((2, "a value without single quotes")));
        assert_eq!(find("A=\"1\"", "A"), Err((1, "a value without single quotes")));
        assert_eq!(find("A='1\n2'\nB='1''2'", "A"), Err((3, "something after the value")));
        assert_eq!(find("A", "A"), Err((1, "no =")));
        assert_eq!(find("A='1", "A"), Err((1, "a quote without end")));
    }

    #[test]
    fn a_link_out_of_the_volume_is_not_followed_and_a_missing_file_is_none() {
        let volume = tempfile::tempdir().unwrap();
        symlink("/etc/passwd", volume.path().join("link")).unwrap();
        assert!(matches!(value(volume.path(), "link", "A"), Err(EnvFileError::File { .. })));
        assert_eq!(value(volume.path(), "none", "A").unwrap(), None);
        std::fs::write(volume.path().join("env"), "A='1'").unwrap();
        assert_eq!(value(volume.path(), "env", "A").unwrap().as_deref(), Some("1"));
    }
}
