//! Owner, mode, attributes and times of unpacked files.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{self, AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::archive::Entry;

const CAPABILITY: &[u8] = b"security.capability";

/// What an archive says about a file besides its content.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub uid: u32,
    pub gid: u32,
    /// Permission bits including setuid, setgid and sticky.
    pub mode: u32,
    /// Seconds and nanoseconds; `None` leaves the time of unpacking.
    pub mtime: Option<(i64, i64)>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metadata {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode,
            mtime: Some(entry.mtime),
            xattrs: entry.xattrs.iter().filter(|(name, _)| is_allowed(name)).cloned().collect(),
        }
    }

    /// A file of root with this mode.
    pub(crate) fn root(mode: u32) -> Self {
        Self { uid: 0, gid: 0, mode, mtime: None, xattrs: Vec::new() }
    }

    /// Everything but the time. The owner first: changing it clears setuid and capabilities.
    pub(super) fn apply(&self, file: impl AsFd) -> Result<(), Errno> {
        fs::fchown(&file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?;
        fs::fchmod(&file, Mode::from_raw_mode(self.mode))?;
        for (name, value) in &self.xattrs {
            match fs::fsetxattr(&file, OsStr::from_bytes(name), value, XattrFlags::empty()) {
                // Not every file system has them, and only capabilities decide what a program may do.
                Err(Errno::OPNOTSUPP) if name != CAPABILITY => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// The same for what cannot be opened: symlinks (which have no mode), devices and fifos.
    pub(super) fn apply_at(&self, dir: impl AsFd, base: &OsStr, symlink: bool) -> Result<(), Errno> {
        let owner = (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)));
        fs::chownat(&dir, base, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        if !symlink {
            fs::chmodat(&dir, base, Mode::from_raw_mode(self.mode), AtFlags::empty())?;
        }
        if let Some(times) = self.times() {
            fs::utimensat(&dir, base, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Access and modification time to set.
    pub(super) fn times(&self) -> Option<Timestamps> {
        let (tv_sec, tv_nsec) = self.mtime?;
        let time = Timespec { tv_sec, tv_nsec };
        Some(Timestamps { last_access: time, last_modification: time })
    }
}

/// Attributes that an image may set. `trusted.overlay.*` and `user.overlay.*` would steer
/// overlayfs (a redirect can show any folder of the layers below), the host's security modules
/// label files by their own policy, and the rest has no meaning in an image.
fn is_allowed(name: &[u8]) -> bool {
    name == CAPABILITY
        || name == b"system.posix_acl_access"
        || name == b"system.posix_acl_default"
        || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_steer_overlayfs_or_the_host_are_dropped() {
        assert!(is_allowed(b"security.capability"));
        assert!(is_allowed(b"user.comment"));
        for name in ["trusted.overlay.redirect", "trusted.x", "user.overlay.opaque", "security.selinux", "security.ima"]
        {
            assert!(!is_allowed(name.as_bytes()), "{name}");
        }
    }
}
