//! The token that lets a client in: made once, readable by the agent's own user only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use uuid::Uuid;

use super::error::HttpError;

/// Shorter ones were not made here and may be guessed.
const MIN_LENGTH: usize = 32;
/// What group and others may do with a file.
const OF_OTHERS: u32 = 0o077;

/// The token in this file; a new one if the file is not there, or could have been read by others.
pub(super) fn read_or_make(path: &Path) -> Result<String, HttpError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return make(path),
        Err(source) => return Err(HttpError::file("read", path)(source)),
    };
    let mut text = String::new();
    let read = file.metadata().and_then(|metadata| file.read_to_string(&mut text).map(|_| metadata.mode()));
    let mode = read.map_err(HttpError::file("read", path))?;
    if mode & OF_OTHERS != 0 {
        tracing::warn!(path = %path.display(), "others could read the token: it is replaced");
        return make(path);
    }
    if text.trim().len() < MIN_LENGTH { make(path) } else { Ok(text.trim().to_owned()) }
}

fn make(path: &Path) -> Result<String, HttpError> {
    // Two random UUIDs: 244 bits of the kernel's randomness.
    let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    write_private(path, token.as_bytes())?;
    Ok(token)
}

/// Writes a file that only its owner can read, as a whole or not at all.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), HttpError> {
    let new = path.with_extension("new");
    let written = || -> io::Result<()> {
        // One that is left of a crash may have another mode.
        match fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(HttpError::file("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let first = read_or_make(&path).unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(read_or_make(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_others_could_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let first = read_or_make(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_ne!(read_or_make(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_empty_file_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "\n").unwrap();
        assert_eq!(read_or_make(&path).unwrap().len(), 64);
    }
}
