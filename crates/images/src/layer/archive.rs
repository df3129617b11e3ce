//! Reads a tar stream entry by entry.
//!
//! The `tar` crate decodes the header blocks. Its own iterator is not used: it reads extended
//! headers of any length into memory, and splits their records at newlines (see [`super::pax`]).

use std::io::{self, Read};

use tar::Header;

use super::header_field::{BAD_NUMBER, check_sum, number, owner, small};
use super::pax::Overrides;
use super::{Limits, UnpackError};

const BLOCK: u64 = 512;
/// The longest extended header accepted; the kernel allows 64 KiB per attribute and 4 KiB per path.
const EXTENDED_MAX: u64 = 1 << 20;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// An entry's header with all extensions applied. Its data is read from the [`Archive`].
#[derive(Debug)]
pub(crate) struct Entry {
    pub name: Vec<u8>,
    pub kind: Kind,
    /// Target of a hard link or symlink.
    pub link: Vec<u8>,
    /// Bytes of data.
    pub size: u64,
    pub uid: u32,
    pub gid: u32,
    /// Permission bits including setuid, setgid and sticky.
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    /// Major and minor number of a device.
    pub device: (u32, u32),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A tar stream. Implements [`Read`] for the data of the current entry.
pub(crate) struct Archive<R> {
    inner: R,
    position: u64,
    entries: u64,
    remaining: u64,
    padding: u64,
    limits: Limits,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(inner: R, limits: Limits) -> Self {
        Self { inner, position: 0, entries: 0, remaining: 0, padding: 0, limits }
    }

    /// Offset in the uncompressed archive; after [`Self::next`] that of the entry's data.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next entry; skips what was not read of the current one. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, UnpackError> {
        let mut overrides = Overrides::default();
        let (mut long_name, mut long_link) = (None, None);
        while let Some(header) = self.header()? {
            match header.entry_type().as_byte() {
                b'L' => long_name = Some(self.text()?),
                b'K' => long_link = Some(self.text()?),
                b'x' => overrides = Overrides::parse(&self.extended()?)?,
                b'g' => drop(self.extended()?),
                _ => {
                    let name = long_name.or(overrides.path.take()).unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = long_link.or(overrides.link.take());
                    return self.entry(&header, name, link, overrides).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Reads to the end of the stream, as digests cover what follows the last entry too.
    pub(crate) fn drain(mut self) -> Result<R, UnpackError> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = self.inner.read(&mut buffer).map_err(|source| UnpackError::Read { source })?;
            if count == 0 {
                return Ok(self.inner);
            }
            self.advance(count as u64)?;
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        name: Vec<u8>,
        link: Option<Vec<u8>>,
        overrides: Overrides,
    ) -> Result<Entry, UnpackError> {
        let lossy = || String::from_utf8_lossy(&name).into_owned();
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(UnpackError::TooManyEntries { limit: self.limits.entries });
        }
        let flag = header.entry_type().as_byte();
        let kind = match kind_of(flag, &name) {
            Some(kind) if !overrides.sparse => kind,
            _ => return Err(UnpackError::UnsupportedEntry { name: lossy(), kind: char::from(flag) }),
        };
        if let Some(size) = overrides.size {
            self.expect(size)?;
        }
        let uid = owner(overrides.uid, number(header, 108..116)?)?;
        let gid = owner(overrides.gid, number(header, 116..124)?)?;
        let mtime = match overrides.mtime {
            Some(mtime) => mtime,
            None => (number(header, 136..148)?, 0),
        };
        let device = match kind {
            Kind::CharDevice | Kind::BlockDevice => {
                (small(number(header, 329..337)?)?, small(number(header, 337..345)?)?)
            }
            _ => (0, 0),
        };
        Ok(Entry {
            link: link.unwrap_or_else(|| header.link_name_bytes().map(Into::into).unwrap_or_default()),
            name,
            kind,
            size: self.remaining,
            uid,
            gid,
            mode: small(number(header, 100..108)? & 0o7777)?,
            mtime,
            device,
            xattrs: overrides.xattrs,
        })
    }

    /// The next header block, with the length of its data noted.
    fn header(&mut self) -> Result<Option<Header>, UnpackError> {
        let mut buffer = vec![0; 64 << 10];
        while self.remaining > 0 {
            self.read(&mut buffer).map_err(|source| UnpackError::Read { source })?;
        }
        let mut padding = [0; BLOCK as usize];
        self.fill(&mut padding[..self.padding as usize])?;
        self.padding = 0;
        let mut header = Header::new_old();
        if !self.fill(header.as_mut_bytes())? || header.as_bytes().iter().all(|b| *b == 0) {
            return Ok(None);
        }
        check_sum(&header)?;
        let size = u64::try_from(number(&header, 124..136)?).map_err(|_| BAD_NUMBER)?;
        self.expect(size)?;
        Ok(Some(header))
    }

    /// Notes that `size` bytes of data follow.
    fn expect(&mut self, size: u64) -> Result<(), UnpackError> {
        if size.saturating_add(self.position) > self.limits.bytes {
            return Err(UnpackError::TooLarge { limit: self.limits.bytes });
        }
        self.remaining = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
        Ok(())
    }

    fn text(&mut self) -> Result<Vec<u8>, UnpackError> {
        let mut text = self.extended()?;
        if text.last() == Some(&0) {
            text.pop();
        }
        Ok(text)
    }

    fn extended(&mut self) -> Result<Vec<u8>, UnpackError> {
        let size = self.remaining;
        if size > EXTENDED_MAX {
            return Err(UnpackError::HeaderTooLarge { size });
        }
        let mut data = Vec::with_capacity(size as usize);
        self.read_to_end(&mut data).map_err(|source| UnpackError::Read { source })?;
        Ok(data)
    }

    /// Fills `buffer`; false if the stream ended before its first byte.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, UnpackError> {
        let mut done = 0;
        while done < buffer.len() {
            match self.inner.read(&mut buffer[done..]) {
                Ok(0) if done == 0 => return Ok(false),
                Ok(0) => return Err(UnpackError::Malformed { reason: "it is cut off" }),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(UnpackError::Read { source }),
            }
        }
        self.advance(done as u64)?;
        Ok(true)
    }

    fn advance(&mut self, count: u64) -> Result<(), UnpackError> {
        self.position += count;
        if self.position > self.limits.bytes {
            return Err(UnpackError::TooLarge { limit: self.limits.bytes });
        }
        Ok(())
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off within an entry"));
        }
        self.remaining -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

/// Old archives mark a directory by a trailing slash only.
fn kind_of(flag: u8, name: &[u8]) -> Option<Kind> {
    Some(match flag {
        0 | b'0' if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::CharDevice,
        b'4' => Kind::BlockDevice,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        builder.into_inner().unwrap()
    }

    fn file(builder: &mut tar::Builder<Vec<u8>>, name: &str, data: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, data).unwrap();
    }

    #[test]
    fn entries_come_with_data_and_unread_data_is_skipped() {
        let bytes = archive(|b| {
            file(b, "a", b"skipped");
            file(b, &"long/".repeat(60), b"x");
            file(b, "c", b"content");
        });
        let mut archive = Archive::new(&bytes[..], Limits::default());
        assert_eq!(archive.next().unwrap().unwrap().name, b"a");
        assert!(archive.next().unwrap().unwrap().name.starts_with(b"long/long/"));
        assert_eq!(archive.next().unwrap().unwrap().size, 7);
        let start = archive.position() as usize;
        assert_eq!(&bytes[start..start + 7], b"content");
        let mut content = String::new();
        archive.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        assert!(archive.next().unwrap().is_none());
    }

    #[test]
    fn an_endless_extended_header_is_refused_before_it_is_read() {
        let mut header = Header::new_gnu();
        header.set_entry_type(tar::EntryType::XHeader);
        header.set_size(8 << 30);
        header.set_cksum();
        let mut archive = Archive::new(&header.as_bytes()[..], Limits::default());
        assert!(matches!(archive.next(), Err(UnpackError::HeaderTooLarge { .. })));
    }

    #[test]
    fn a_size_beyond_the_limit_is_refused() {
        let mut header = Header::new_gnu();
        header.set_path("bomb").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        let mut archive = Archive::new(&header.as_bytes()[..], Limits::default());
        assert!(matches!(archive.next(), Err(UnpackError::TooLarge { .. })));
    }

    #[test]
    fn a_cut_off_archive_is_noticed() {
        let bytes = archive(|b| file(b, "a", &[7; 2000]));
        let mut archive = Archive::new(&bytes[..1024], Limits::default());
        archive.next().unwrap().unwrap();
        assert!(archive.next().is_err());
    }

    #[test]
    fn damaged_headers_are_refused() {
        let mut bytes = archive(|b| file(b, "a", b""));
        bytes[3] ^= 1;
        assert!(Archive::new(&bytes[..], Limits::default()).next().is_err());
    }
}
