//! Applies a tar stream to an empty folder.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::FileType;

use super::archive::{Archive, Entry, Kind};
use super::metadata::Metadata;
use super::name::{EntryName, Meaning};
use super::tree::Tree;
use super::{Limits, UnpackError};

const COPY_BUFFER: usize = 256 << 10;

/// What unpacking left behind.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// Folders that no entry described; see [`Tree::finish`].
    pub implicit: Vec<PathBuf>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of entries and of folders that they needed.
    pub inodes: u64,
}

/// Unpacks the uncompressed `stream` and reads it to its end.
pub(super) fn unpack(stream: impl Read, mut tree: Tree, limits: Limits) -> Result<Unpacked, UnpackError> {
    let mut archive = Archive::new(stream, limits);
    let mut unpacked = Unpacked::default();
    let mut buffer = vec![0; COPY_BUFFER];
    while let Some(entry) = archive.next()? {
        unpacked.inodes += 1;
        match Meaning::of(&entry.name)? {
            Meaning::Ignored => {}
            Meaning::Root => tree.root_directory(&Metadata::of(&entry))?,
            Meaning::Whiteout(name) => tree.whiteout(&name)?,
            Meaning::Opaque(dir) => tree.opaque(&dir)?,
            Meaning::Entry(name) => {
                unpacked.bytes += apply(&mut tree, &mut archive, &name, entry, &mut buffer)?;
            }
        }
        if unpacked.inodes + tree.made() > limits.entries {
            return Err(UnpackError::TooManyEntries { limit: limits.entries });
        }
    }
    archive.drain()?;
    unpacked.inodes += tree.made();
    unpacked.implicit = tree.finish()?;
    Ok(unpacked)
}

/// Makes one entry; gives the bytes of data it took.
fn apply<R: Read>(
    tree: &mut Tree,
    archive: &mut Archive<R>,
    name: &EntryName,
    entry: Entry,
    buffer: &mut [u8],
) -> Result<u64, UnpackError> {
    let metadata = Metadata::of(&entry);
    match entry.kind {
        Kind::File => return write_file(tree, archive, name, &metadata, buffer),
        Kind::Directory => tree.directory(name, &metadata)?,
        Kind::Symlink => tree.symlink(name, &OsString::from_vec(entry.link), &metadata)?,
        Kind::HardLink => {
            let target = EntryName::parse(&entry.link)?.ok_or_else(|| UnpackError::HardLinkTarget {
                name: name.path().to_string_lossy().into_owned(),
                target: String::from_utf8_lossy(&entry.link).into_owned(),
            })?;
            tree.hard_link(name, &target)?;
        }
        Kind::CharDevice => tree.node(name, FileType::CharacterDevice, entry.device, &metadata)?,
        Kind::BlockDevice => tree.node(name, FileType::BlockDevice, entry.device, &metadata)?,
        Kind::Fifo => tree.node(name, FileType::Fifo, (0, 0), &metadata)?,
    }
    Ok(0)
}

fn write_file<R: Read>(
    tree: &mut Tree,
    archive: &mut Archive<R>,
    name: &EntryName,
    metadata: &Metadata,
    buffer: &mut [u8],
) -> Result<u64, UnpackError> {
    let mut file = tree.file(name)?;
    let mut written = 0;
    loop {
        let count = archive.read(buffer).map_err(|source| UnpackError::Read { source })?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(|e| UnpackError::io("write", name.path(), e))?;
        written += count as u64;
    }
    tree.finish_file(name, &file, metadata)?;
    Ok(written)
}
