//! `subPath`: a part of a volume, found without ever leaving the volume.
//!
//! Containers can write to the volume, so a path in it may turn into a link to anywhere between a check and its use.
//! Here the kernel resolves it in one go, beneath the volume, and what it found is bound by its descriptor to a place
//! that containers can't reach. That place is named after the inode: a later run that resolves to the same thing gets
//! the same mount, so its configuration is the same too.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, mkdirat, openat2, statat};
use rustix::io::Errno;
use rustix::mount::mount_bind_recursive;

use super::VolumeError;

/// Binds `sub_path` of the volume at `volume` below `place` and returns where. A missing one is made as a folder.
pub(crate) fn bind(volume: &Path, sub_path: &str, place: &Path) -> Result<PathBuf, VolumeError> {
    let root = File::open(volume).map_err(VolumeError::file("open", volume))?;
    let found = open_or_make(&root, sub_path)?;
    let about = fstat(&found).map_err(VolumeError::file("look at", volume.join(sub_path)))?;
    let target = place.join(format!("{:x}-{}", about.st_dev, about.st_ino));
    if is_bound(&target, &about) {
        return Ok(target);
    }
    make_target(&target, &about)?;
    let source = format!("/proc/self/fd/{}", found.as_raw_fd());
    mount_bind_recursive(source.as_str(), &target).map_err(VolumeError::file("bind a subPath to", &target))?;
    Ok(target)
}

fn is_bound(target: &Path, about: &Stat) -> bool {
    statat(rustix::fs::CWD, target, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|t| t.st_dev == about.st_dev && t.st_ino == about.st_ino)
}

fn make_target(target: &Path, about: &Stat) -> Result<(), VolumeError> {
    let parent = target.parent().unwrap_or(target);
    fs::create_dir_all(parent).map_err(VolumeError::file("create", parent))?;
    let made = if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
        fs::create_dir_all(target)
    } else {
        OpenOptions::new().write(true).create(true).truncate(false).open(target).map(drop)
    };
    made.map_err(VolumeError::file("create", target))
}

fn open_or_make(root: &File, sub_path: &str) -> Result<OwnedFd, VolumeError> {
    match open_beneath(root.as_fd(), Path::new(sub_path)) {
        Ok(fd) => Ok(fd),
        Err(Errno::NOENT) => make_beneath(root, sub_path),
        Err(errno) => Err(escape(sub_path, errno)),
    }
}

/// Makes the missing folders one by one, each in the descriptor of the one before.
fn make_beneath(root: &File, sub_path: &str) -> Result<OwnedFd, VolumeError> {
    let mut at = root.as_fd().try_clone_to_owned().map_err(VolumeError::file("open", sub_path))?;
    for part in Path::new(sub_path).components() {
        let Component::Normal(name) = part else { continue };
        let name = Path::new(name);
        at = match open_beneath(at.as_fd(), name) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => {
                match mkdirat(&at, name, Mode::from_raw_mode(0o750)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(VolumeError::file("create subPath", sub_path)(errno)),
                }
                open_beneath(at.as_fd(), name).map_err(|errno| escape(sub_path, errno))?
            }
            Err(errno) => return Err(escape(sub_path, errno)),
        };
    }
    Ok(at)
}

fn open_beneath(root: std::os::fd::BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

fn escape(sub_path: &str, errno: Errno) -> VolumeError {
    VolumeError::SubPathEscapes { sub_path: sub_path.to_owned(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volumes::teardown;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_that_leads_out_of_the_volume_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let volume = folder.path().join("v");
        fs::create_dir_all(volume.join("in")).unwrap();
        symlink("/etc", volume.join("absolute")).unwrap();
        symlink("../..", volume.join("up")).unwrap();
        symlink("in", volume.join("inner")).unwrap();
        let root = File::open(&volume).unwrap();
        for bad in ["absolute", "up", "absolute/ssl", "in/../../x"] {
            assert!(matches!(open_or_make(&root, bad), Err(VolumeError::SubPathEscapes { .. })), "{bad}");
        }
        open_or_make(&root, "inner").unwrap();
    }

    #[test]
    fn a_missing_sub_path_becomes_a_folder_and_is_bound_once() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (volume, place) = (folder.path().join("v"), folder.path().join("p"));
        fs::create_dir(&volume).unwrap();
        let target = bind(&volume, "a/b", &place).unwrap();
        fs::write(volume.join("a/b/file"), "x").unwrap();
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "x");
        assert_eq!(bind(&volume, "a/b", &place).unwrap(), target);
        teardown::unmount_below(folder.path()).unwrap();
        assert!(!target.join("file").exists(), "bound twice");
    }
}
