//! `fsGroup`: a volume's files belong to a group that all containers of the Pod are in.
//!
//! Containers may change the volume meanwhile, so every file is opened first, without following links, and what is
//! open is changed.

use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, chownat, fstat, openat};
use rustix::io::Errno;

use super::VolumeError;

/// The group may read and write.
const READ_WRITE: u32 = 0o660;
/// The group may read.
const READ_ONLY: u32 = 0o440;
/// The group may enter folders, and what is made in them is the group's.
const FOLDER: u32 = 0o2110;

/// Who a volume's files are to belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub id: u32,
    /// Containers only read the volume.
    pub read_only: bool,
}

impl Group {
    fn bits(self) -> u32 {
        if self.read_only { READ_ONLY } else { READ_WRITE }
    }
}

/// Gives everything at and below `path` to the group.
pub(crate) fn give(path: &Path, group: Group) -> Result<(), VolumeError> {
    let failed = VolumeError::file("change the group of", path);
    open(CWD, path).and_then(|file| give_tree(&file, group)).map_err(failed)
}

/// Whether the top of a volume is as [`give`] leaves it (`fsGroupChangePolicy: OnRootMismatch`).
pub(crate) fn top_is_given(path: &Path, group: Group) -> Result<bool, VolumeError> {
    let about = open(CWD, path).and_then(|file| fstat(&file)).map_err(VolumeError::file("look at", path))?;
    let bits = group.bits() | FOLDER;
    Ok(about.st_gid == group.id && about.st_mode & bits == bits)
}

fn give_tree(file: &OwnedFd, group: Group) -> Result<(), Errno> {
    let about = fstat(file)?;
    give_one(file, &about, group)?;
    if kind(&about) != FileType::Directory {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let folder = openat(file, ".", flags, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match openat(&folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => give_tree(&file, group)?,
            // Somebody removed it meanwhile.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A link has no mode, and its target is none of ours.
fn give_one(file: &OwnedFd, about: &Stat, group: Group) -> Result<(), Errno> {
    chownat(file, "", None, Some(Gid::from_raw(group.id)), AtFlags::EMPTY_PATH)?;
    let kind = kind(about);
    if kind == FileType::Symlink {
        return Ok(());
    }
    let folder = if kind == FileType::Directory { FOLDER } else { 0 };
    let mode = (about.st_mode & 0o7777) | group.bits() | folder;
    // What is open by path only can't be changed itself; the kernel's own link leads to exactly that.
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::set_permissions(link, Permissions::from_mode(mode))
        .map_err(|e: io::Error| Errno::from_io_error(&e).unwrap_or(Errno::IO))
}

fn kind(about: &Stat) -> FileType {
    FileType::from_raw_mode(about.st_mode)
}

fn open(at: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    openat(at, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn files_and_folders_get_the_group_and_its_bits_and_links_are_not_followed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (volume, outside) = (folder.path().join("v"), folder.path().join("outside"));
        fs::create_dir_all(volume.join("sub")).unwrap();
        for file in [volume.join("sub/f"), outside.clone()] {
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        }
        symlink(&outside, volume.join("link")).unwrap();
        let of = |path: &str| {
            let about = fs::symlink_metadata(volume.join(path)).unwrap();
            (about.gid(), about.mode() & 0o7777)
        };
        let group = Group { id: 4242, read_only: true };
        assert!(!top_is_given(&volume, group).unwrap());
        give(&volume, group).unwrap();
        assert!(top_is_given(&volume, group).unwrap());
        assert!(
            !top_is_given(&volume, Group { read_only: false, ..group })
                .is_ok_and(|given| given && of("").1 & 0o20 == 0)
        );
        assert_eq!(of("sub/f"), (4242, 0o640));
        assert_eq!(of("sub"), (4242, 0o2755));
        give(&volume, Group { read_only: false, ..group }).unwrap();
        assert_eq!((of("sub/f"), of("sub")), ((4242, 0o660), (4242, 0o2775)));
        assert_eq!(of("link").0, 4242);
        assert_eq!((fs::metadata(&outside).unwrap().gid(), fs::metadata(&outside).unwrap().mode() & 0o777), (0, 0o600));
    }
}
