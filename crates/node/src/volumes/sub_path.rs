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

use super::{VolumeError, teardown};

/// Binds `sub_path` of the volume at `volume` below `place` and returns where. A missing one is made as a folder.
pub(crate) fn bind(volume: &Path, sub_path: &str, place: &Path) -> Result<PathBuf, VolumeError> {
    let root = File::open(volume).map_err(VolumeError::file("open", volume))?;
    let found = open_or_make(&root, sub_path)?;
    let about = fstat(&found).map_err(VolumeError::file("look at", volume.join(sub_path)))?;
    let target = place.join(format!("{:x}-{}", about.st_dev, about.st_ino));
    clear_stale(place, &target)?;
    if is_bound(&target, &about) {
        return Ok(target);
    }
    make_target(&target, &about)?;
    let source = format!("/proc/self/fd/{}", found.as_raw_fd());
    mount_bind_recursive(source.as_str(), &target).map_err(VolumeError::file("bind a subPath to", &target))?;
    Ok(target)
}

/// Removes what an earlier run of the container had bound here: a file of a volume whose files are replaced is another
/// one each time.
fn clear_stale(place: &Path, keep: &Path) -> Result<(), VolumeError> {
    for path in teardown::entries(place)?.into_iter().filter(|path| path != keep) {
        teardown::unmount_at(&path)?;
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
        // What is under the mount is the empty folder or file that was made for it.
        let removed = if is_folder { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        removed.map_err(VolumeError::file("remove", path))?;
    }
    Ok(())
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
    use std::os::unix::fs::{MetadataExt, symlink};

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

    /// A container that swaps a folder for a link, over and over, while the node resolves a path through it.
    #[test]
    fn a_path_that_is_swapped_meanwhile_never_leads_out() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (volume, outside) = (folder.path().join("v"), folder.path().join("outside"));
        fs::create_dir_all(volume.join("real/deep")).unwrap();
        fs::create_dir_all(outside.join("deep")).unwrap();
        symlink(&outside, volume.join("evil")).unwrap();
        symlink("real", volume.join("turn")).unwrap();
        let (root, over) = (File::open(&volume).unwrap(), AtomicBool::new(false));
        let wanted = fs::metadata(volume.join("real/deep")).unwrap().ino();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let target = if turn % 2 == 0 { "evil" } else { "real" };
                    symlink(target, volume.join("next")).unwrap();
                    fs::rename(volume.join("next"), volume.join("turn")).unwrap();
                }
            });
            let mut found = 0;
            for _ in 0..20_000 {
                match open_or_make(&root, "turn/deep") {
                    Ok(fd) => {
                        assert_eq!(fstat(&fd).unwrap().st_ino, wanted, "led out of the volume");
                        found += 1;
                    }
                    Err(VolumeError::SubPathEscapes { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            over.store(true, Ordering::Relaxed);
            assert!(found > 0);
        });
    }

    #[test]
    fn a_file_is_bound_as_it_is_and_the_one_that_took_its_place_later_instead_of_it() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (volume, place) = (folder.path().join("v"), folder.path().join("p"));
        fs::create_dir(&volume).unwrap();
        fs::write(volume.join("f"), "1").unwrap();
        let first = bind(&volume, "f", &place).unwrap();
        fs::write(volume.join("new"), "2").unwrap();
        fs::rename(volume.join("new"), volume.join("f")).unwrap();
        assert_eq!(fs::read_to_string(&first).unwrap(), "1", "what is bound stays");
        let second = bind(&volume, "f", &place).unwrap();
        assert_eq!(fs::read_to_string(&second).unwrap(), "2");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "the first is in nobody's way");
        // A link in place of the file is followed in the volume only.
        fs::remove_file(volume.join("f")).unwrap();
        symlink("/etc/passwd", volume.join("f")).unwrap();
        assert!(matches!(bind(&volume, "f", &place), Err(VolumeError::SubPathEscapes { .. })));
        teardown::unmount_below(folder.path()).unwrap();
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
