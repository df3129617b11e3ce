//! Names of archive entries: which ones are acceptable, and which are whiteouts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::UnpackError;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const RESERVED: &[u8] = b".wh..wh.";

/// Where an entry goes: its folder, relative to the layer's root, and its own name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntryName {
    /// Parent folder; empty for the root.
    pub dir: PathBuf,
    /// Last component, never `.` or `..`.
    pub base: OsString,
}

/// What an entry's name says (image-spec, layer.md, "Whiteouts").
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The layer's root itself.
    Root,
    /// An ordinary entry.
    Entry(EntryName),
    /// Hides this name of the layers below.
    Whiteout(EntryName),
    /// Hides everything in this folder of the layers below.
    Opaque(PathBuf),
    /// Other tools' bookkeeping under the reserved prefix.
    Ignored,
}

impl EntryName {
    /// A name for files made by this program. `None` for the root.
    pub(crate) fn parse(name: &[u8]) -> Result<Option<Self>, UnpackError> {
        let lossy = || String::from_utf8_lossy(name).into_owned();
        if name.starts_with(b"/") {
            return Err(UnpackError::AbsoluteName { name: lossy() });
        }
        if name.contains(&0) {
            return Err(UnpackError::ImpossibleName { name: lossy() });
        }
        let mut dir = PathBuf::new();
        let mut base: Option<&[u8]> = None;
        for part in name.split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(UnpackError::ParentName { name: lossy() }),
                part => {
                    if let Some(previous) = base.replace(part) {
                        dir.push(OsStr::from_bytes(previous));
                    }
                }
            }
        }
        Ok(base.map(|base| Self { dir, base: OsString::from_vec(base.to_vec()) }))
    }

    /// The whole path, relative to the root.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(&self.base)
    }
}

impl Meaning {
    pub(super) fn of(name: &[u8]) -> Result<Self, UnpackError> {
        let Some(entry) = EntryName::parse(name)? else { return Ok(Self::Root) };
        let base = entry.base.as_bytes();
        if base == OPAQUE {
            return Ok(Self::Opaque(entry.dir));
        }
        if base.starts_with(RESERVED) {
            return Ok(Self::Ignored);
        }
        match base.strip_prefix(WHITEOUT) {
            None => Ok(Self::Entry(entry)),
            Some(b"" | b"." | b"..") => {
                Err(UnpackError::ImpossibleName { name: String::from_utf8_lossy(name).into_owned() })
            }
            Some(hidden) => {
                let base = OsString::from_vec(hidden.to_vec());
                Ok(Self::Whiteout(EntryName { dir: entry.dir, base }))
            }
        }
    }
}

impl AsRef<Path> for EntryName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(dir: &str, base: &str) -> EntryName {
        EntryName { dir: dir.into(), base: base.into() }
    }

    #[test]
    fn dots_and_slashes_do_not_matter() {
        assert_eq!(Meaning::of(b"./a//b/./c/").unwrap(), Meaning::Entry(name("a/b", "c")));
        assert_eq!(Meaning::of(b"./").unwrap(), Meaning::Root);
    }

    #[test]
    fn names_that_lead_outside_are_refused() {
        for bad in [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a/..", b"a\0b", b"a/.wh.", b".wh...", b".wh.."] {
            assert!(Meaning::of(bad).is_err(), "{:?} was taken", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn whiteouts_are_recognised() {
        assert_eq!(Meaning::of(b"a/.wh.b").unwrap(), Meaning::Whiteout(name("a", "b")));
        assert_eq!(Meaning::of(b"a/.wh..wh..opq").unwrap(), Meaning::Opaque("a".into()));
        assert_eq!(Meaning::of(b".wh..wh.plnk").unwrap(), Meaning::Ignored);
        assert_eq!(Meaning::of(b"a/.whale").unwrap(), Meaning::Entry(name("a", ".whale")));
    }
}
