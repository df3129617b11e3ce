//! One layer: a tar of files, always the same bytes for the same files.

use std::io::{self, Write};

use tar::{Builder, EntryType, Header};

/// A file of a layer.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    path: String,
    mode: u32,
    kind: EntryType,
    bytes: Vec<u8>,
    link: Option<String>,
}

impl Entry {
    pub(super) fn file(path: &str, mode: u32, bytes: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode, kind: EntryType::Regular, bytes, link: None }
    }

    pub(super) fn folder(path: &str, mode: u32) -> Self {
        Self { path: path.to_owned(), mode, kind: EntryType::Directory, bytes: Vec::new(), link: None }
    }

    pub(super) fn symlink(path: &str, to: &str) -> Self {
        let link = Some(to.to_owned());
        Self { path: path.to_owned(), mode: 0o777, kind: EntryType::Symlink, bytes: Vec::new(), link }
    }
}

/// The layer as an uncompressed tar.
pub(super) fn tar_of(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        append(&mut tar, entry)?;
    }
    tar.into_inner()
}

/// Adds an entry that root owns, dated to the epoch.
pub(super) fn append<W: Write>(tar: &mut Builder<W>, entry: &Entry) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry.kind);
    header.set_mode(entry.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(entry.bytes.len() as u64);
    match &entry.link {
        Some(link) => tar.append_link(&mut header, &entry.path, link),
        None => tar.append_data(&mut header, &entry.path, entry.bytes.as_slice()),
    }
}
