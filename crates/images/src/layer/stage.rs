//! A layer between download and the store: unpacked, proven, but not visible yet.

use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid};

use super::unpack::unpack;
use super::{Limits, Tree, UnpackError, decompress};
use crate::Digest;
use crate::digest::HashingReader;
use crate::error::{Error, Result};

/// What a layer's content must be.
pub(crate) struct Blob<'a> {
    /// Digest of the uncompressed archive.
    pub diff_id: &'a Digest,
    /// Digest of the archive as it comes, if nobody else checks it.
    pub compressed: Option<&'a Digest>,
}

/// An unpacked layer in a temporary folder.
#[derive(Debug)]
pub(crate) struct StagedLayer {
    /// The folder; it moves into the store as it is.
    pub path: PathBuf,
    /// Folders whose attributes are those of the layers below, if they have them.
    pub implicit: Vec<PathBuf>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of files and folders.
    pub inodes: u64,
}

/// Unpacks `input` into the new folder `path` and proves its digests.
pub(crate) fn stage(input: impl Read, path: &Path, blob: &Blob<'_>, limits: Limits) -> Result<StagedLayer> {
    make_root(path)?;
    let unpacked = unpack_proven(input, path, blob, limits).map_err(|e| Error::unpack(blob.diff_id, path, e))?;
    Ok(StagedLayer {
        path: path.to_path_buf(),
        implicit: unpacked.implicit,
        bytes: unpacked.bytes,
        inodes: unpacked.inodes + 1,
    })
}

/// The root folder of a layer that says nothing about it. The umask must not matter.
pub(crate) fn make_root(path: &Path) -> Result<()> {
    let made = std::fs::create_dir(path).and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o755)));
    made.map_err(|e| Error::io("make folder", path, e))
}

fn unpack_proven(
    input: impl Read,
    path: &Path,
    blob: &Blob<'_>,
    limits: Limits,
) -> std::result::Result<super::unpack::Unpacked, UnpackError> {
    let read = |source| UnpackError::Read { source };
    let mut compressed = HashingReader::new(input);
    let (unpacked, diff_id) = {
        let source: Box<dyn Read + '_> = match blob.compressed {
            Some(_) => Box::new(&mut compressed),
            None => Box::new(&mut compressed.inner),
        };
        let mut stream = HashingReader::new(decompress(source).map_err(read)?);
        let unpacked = unpack(&mut stream, Tree::open(path)?, limits)?;
        (unpacked, stream.digest())
    };
    if let Some(expected) = blob.compressed {
        std::io::copy(&mut compressed, &mut std::io::sink()).map_err(read)?;
        prove("compressed", expected, compressed.digest())?;
    }
    prove("uncompressed", blob.diff_id, diff_id)?;
    Ok(unpacked)
}

fn prove(what: &'static str, expected: &Digest, actual: Digest) -> std::result::Result<(), UnpackError> {
    if *expected == actual {
        return Ok(());
    }
    Err(UnpackError::Digest { what, expected: expected.clone(), actual })
}

impl StagedLayer {
    /// Gives folders that the archive did not describe the attributes they have further down.
    ///
    /// overlayfs shows the attributes of the topmost layer that has a folder. A layer with
    /// `tmp/x` and no entry for `tmp` would otherwise turn a 1777 `/tmp` into a 0755 one.
    /// `below` are the layers under this one, nearest first.
    pub(crate) fn inherit(&self, below: &[&Path]) -> Result<()> {
        if below.is_empty() || self.implicit.is_empty() {
            return Ok(());
        }
        let own = open_root(&self.path)?;
        let mut roots = Vec::new();
        for path in below {
            roots.push(open_root(path)?);
        }
        for folder in &self.implicit {
            inherit_one(&own, &roots, folder)
                .map_err(|e| Error::io("set the attributes of", &self.path.join(folder), e))?;
        }
        Ok(())
    }
}

const WITHIN: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

fn open_root(path: &Path) -> Result<rustix::fd::OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).map_err(|e| Error::io("open", path, e))
}

fn inherit_one(
    own: &rustix::fd::OwnedFd,
    below: &[rustix::fd::OwnedFd],
    folder: &Path,
) -> std::result::Result<(), rustix::io::Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let path = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = below.iter().find_map(|root| fs::openat2(root, path, flags, Mode::empty(), WITHIN).ok());
    let Some(found) = found else { return Ok(()) };
    let stat = fs::fstat(&found)?;
    let target = fs::openat2(own, path, flags, Mode::empty(), WITHIN)?;
    fs::chownat(&target, ".", Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)), AtFlags::empty())?;
    fs::chmodat(&target, ".", Mode::from_raw_mode(stat.st_mode & 0o7777), AtFlags::empty())
}
