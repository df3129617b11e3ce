//! Takes a Pod's folder down: unmount everything in it, then remove it.
//!
//! A hostPath or a sub-path of one may be mounted somewhere below. Nothing is removed before the kernel's own list
//! shows that nothing is mounted there any more; that, and not following links, keeps what belongs to the host.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use super::VolumeError;

/// How often to look again: one mount may cover another.
const ROUNDS: usize = 8;

/// Unmounts everything below `folder`, then removes it. Safe to repeat; a folder that is not there is a success.
pub(crate) fn remove(folder: &Path) -> Result<(), VolumeError> {
    unmount_below(folder)?;
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(VolumeError::file("remove", folder)(e)),
        _ => Ok(()),
    }
}

/// Removes all that is in `folder` and on its own file system, if it is there. Copies of a mount that other namespaces
/// have hold nothing then.
pub(crate) fn empty(folder: &Path) -> Result<(), VolumeError> {
    for path in entries(folder)? {
        let is_folder = fs::symlink_metadata(&path).map_err(VolumeError::file("look at", &path))?.is_dir();
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(VolumeError::file("remove", path))?;
    }
    Ok(())
}

/// What is in `folder`; nothing if it is not there.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(VolumeError::file("read", folder)(e)),
    };
    let paths = entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>();
    paths.map_err(VolumeError::file("read", folder))
}

/// Unmounts what is mounted right at `path`, all layers of it.
pub(crate) fn unmount_at(path: &Path) -> Result<(), VolumeError> {
    for _ in 0..ROUNDS {
        match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Nothing is mounted there.
            Err(Errno::INVAL) => return Ok(()),
            Err(error) => return Err(VolumeError::file("unmount", path)(error)),
        }
    }
    Err(VolumeError::StillMounted { path: path.to_owned() })
}

/// Unmounts everything below `folder`.
pub(crate) fn unmount_below(folder: &Path) -> Result<(), VolumeError> {
    // The kernel lists mounts by their true path.
    let folder = match fs::canonicalize(folder) {
        Ok(folder) => folder,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(VolumeError::file("find", folder)(e)),
    };
    for _ in 0..ROUNDS {
        let mounts = mounts_below(&folder)?;
        if mounts.is_empty() {
            return Ok(());
        }
        for path in mounts.iter().rev() {
            // A container's mount namespace may hold it a little longer: detached it is out of the way at once.
            unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).map_err(VolumeError::file("unmount", path))?;
        }
    }
    match mounts_below(&folder)?.pop() {
        Some(path) => Err(VolumeError::StillMounted { path }),
        None => Ok(()),
    }
}

fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>, VolumeError> {
    let list = "/proc/self/mountinfo";
    let text = fs::read(list).map_err(VolumeError::file("read", list))?;
    let points = text.split(|b| *b == b'\n').filter_map(|line| line.split(|b| *b == b' ').nth(4)).map(unescape);
    Ok(points.filter(|p| p.starts_with(folder) && p != folder).collect())
}

/// Spaces and the like are written as three octal digits after a backslash.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| *first == b'\\').and_then(octal);
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 8).ok())
}

/// Removes a Pod's folder of logs.
pub(crate) fn remove_logs(folder: &Path) -> Result<(), VolumeError> {
    debug_assert!(folder.as_os_str().as_bytes().len() > 1);
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(VolumeError::file("remove", folder)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::mount::mount_bind;

    #[test]
    fn what_is_bound_from_elsewhere_survives() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (host, pod) = (folder.path().join("host"), folder.path().join("pod with space"));
        fs::create_dir_all(&host).unwrap();
        fs::write(host.join("precious"), "x").unwrap();
        fs::create_dir_all(pod.join("sub")).unwrap();
        std::os::unix::fs::symlink(&host, pod.join("link")).unwrap();
        mount_bind(&host, pod.join("sub")).unwrap();
        mount_bind(&host, pod.join("sub")).unwrap();
        remove(&pod).unwrap();
        remove(&pod).unwrap();
        assert!(!pod.exists() && host.join("precious").exists());
    }
}
