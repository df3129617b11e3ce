//! Replaces a file as a whole: temp file, sync, rename.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How much a replacement must outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The process: after a power failure the old content may be back.
    Process,
    /// A power failure, once this has returned.
    Disk,
}

/// Makes `content` the content of `path`. Readers see the old or the new content.
pub(crate) fn replace(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    replace_with_mode(path, content, durability, 0o644)
}

/// The same for a file that not everybody may read.
pub(crate) fn replace_with_mode(path: &Path, content: &[u8], durability: Durability, mode: u32) -> io::Result<()> {
    let temp = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temp)?;
    file.write_all(content)?;
    if durability == Durability::Disk {
        file.sync_data()?;
    }
    drop(file);
    std::fs::rename(&temp, path)?;
    match path.parent() {
        Some(folder) if durability == Durability::Disk => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_content_takes_the_place_of_the_old_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        replace(&path, b"old", Durability::Disk).unwrap();
        replace(&path, b"new", Durability::Process).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
