//! Where an import reads from: a folder, or a tar archive that is read at random.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::layer::{Archive, Kind, Limits, decompress};
use crate::manifest::DOCUMENT_MAX;
use crate::store::ImageStore;
use crate::work::WorkDir;

/// Old `docker save` wrote a layer that occurs twice as a symlink to the first.
const LINKS_MAX: u32 = 8;

/// An OCI layout folder or an archive of any kind.
pub(super) enum Source {
    Folder(PathBuf),
    Archive(ArchiveFile),
}

/// An uncompressed tar file and where its members are.
pub(super) struct ArchiveFile {
    /// What errors call it.
    what: String,
    file: Arc<File>,
    members: HashMap<String, Member>,
    /// Holds the uncompressed copy, if one was needed.
    _work: Option<WorkDir>,
}

enum Member {
    Data { offset: u64, size: u64 },
    Link(String),
}

impl Source {
    /// Opens a folder or an archive, which may be compressed.
    pub(super) fn open(store: &ImageStore, path: &Path) -> Result<Self> {
        let io_error = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.is_dir() {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        let what = path.display().to_string();
        if is_tar(&file).map_err(|e| Error::io("read", path, e))? {
            return ArchiveFile::index(what, file, None, store.limits).map(Self::Archive);
        }
        Self::spool(store, file, &what)
    }

    /// Takes an archive from a stream: unpacks it to a file first, as it is read at random.
    pub(super) fn spool(store: &ImageStore, stream: impl Read, what: &str) -> Result<Self> {
        let work = store.work_dir()?;
        let path = work.path().join("archive");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|e| Error::io("make", &path, e))?;
        let damaged =
            |e: io::Error| Error::InvalidImage { what: what.to_owned(), reason: format!("it cannot be read: {e}") };
        let mut plain = decompress(stream).map_err(damaged)?.take(store.limits.bytes);
        io::copy(&mut plain, &mut file).map_err(|e| match Error::io("write", &path, e) {
            Error::Io { source, .. } => damaged(source),
            full => full,
        })?;
        ArchiveFile::index(what.to_owned(), file, Some(work), store.limits).map(Self::Archive)
    }

    pub(super) fn what(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Archive(archive) => archive.what.clone(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(path) => path.join(name).is_file(),
            Self::Archive(archive) => archive.find(name).is_some(),
        }
    }

    /// A file's bytes. Names come from the image, so they may not lead out of it.
    pub(super) fn read(&self, name: &str) -> Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Folder(path) => {
                if clean(name) != name {
                    return Err(self.invalid(format!("it names the file {name:?}, which lies outside")));
                }
                let path = path.join(name);
                let file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
                Ok(Box::new(file))
            }
            Self::Archive(archive) => {
                let (offset, size) = archive.find(name).ok_or_else(|| self.invalid(format!("it holds no {name}")))?;
                Ok(Box::new(Section { file: archive.file.clone(), offset, end: offset.saturating_add(size) }))
            }
        }
    }

    /// A small file as a whole.
    pub(super) fn document(&self, name: &str) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let read = self.read(name)?.take(DOCUMENT_MAX + 1).read_to_end(&mut text);
        read.map_err(|e| self.invalid(format!("{name} cannot be read: {e}")))?;
        if text.len() as u64 > DOCUMENT_MAX {
            return Err(self.invalid(format!("{name} is longer than {DOCUMENT_MAX} bytes")));
        }
        Ok(text)
    }

    pub(super) fn invalid(&self, reason: String) -> Error {
        Error::InvalidImage { what: self.what(), reason }
    }
}

impl ArchiveFile {
    fn index(what: String, file: File, work: Option<WorkDir>, limits: Limits) -> Result<Self> {
        let file = Arc::new(file);
        let invalid = |reason: String| Error::InvalidImage { what: what.clone(), reason };
        let size = file.metadata().map_err(|e| invalid(format!("it cannot be read: {e}")))?.len();
        let mut members = HashMap::new();
        let mut archive = Archive::new(Section { file: file.clone(), offset: 0, end: size }, limits);
        while let Some(entry) = archive.next().map_err(|e| invalid(e.to_string()))? {
            let name = clean(&String::from_utf8_lossy(&entry.name));
            let link = || String::from_utf8_lossy(&entry.link).into_owned();
            let member = match entry.kind {
                Kind::File => Member::Data { offset: archive.position(), size: entry.size },
                Kind::Symlink => Member::Link(format!("{}/{}", parent(&name), link())),
                Kind::HardLink => Member::Link(link()),
                _ => continue,
            };
            members.insert(name, member);
        }
        Ok(Self { what, file, members, _work: work })
    }

    /// Offset and size of a member, through links.
    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = clean(name);
        for _ in 0..LINKS_MAX {
            match self.members.get(&name)? {
                Member::Data { offset, size } => return Some((*offset, *size)),
                Member::Link(target) => name = clean(target),
            }
        }
        None
    }
}

/// A name without `.` and `..`. Only looked up among the archive's own members.
fn clean(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether the file is an uncompressed tar archive: the magic of POSIX and GNU tar.
fn is_tar(file: &File) -> io::Result<bool> {
    let mut magic = [0; 5];
    Ok(file.read_at(&mut magic, 257)? == magic.len() && &magic == b"ustar")
}

/// A piece of a file, read without moving its position: several threads read one archive.
struct Section {
    file: Arc<File>,
    offset: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
