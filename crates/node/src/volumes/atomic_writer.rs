//! Puts files into a volume so that readers see all of them as they were or all as they are, never a mix.
//!
//! ```text
//! <volume>/..2026_01_02_03_04_05.000000001/a    the files themselves
//! <volume>/..data -> ..2026_01_02_03_04_05.000000001     replaced by rename
//! <volume>/a -> ..data/a                        what containers open
//! ```
//!
//! It can be cut off anywhere: whatever is not the folder that `..data` names is left from that, and the next write
//! removes it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

use super::VolumeError;

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;
const FOLDER_MODE: u32 = 0o755;

/// One file of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub content: Vec<u8>,
    pub mode: u32,
}

/// The files of a volume by their paths in it.
pub(crate) type Payload = BTreeMap<String, File>;

/// Makes `payload` what the volume at `volume` shows. `set_owner` is called on the new files before they can be seen.
/// Gives whether anything changed.
pub(crate) fn write(
    volume: &Path,
    payload: &Payload,
    set_owner: impl Fn(&Path) -> Result<(), VolumeError>,
) -> Result<bool, VolumeError> {
    let payload = cleaned(payload)?;
    let current = current(volume)?;
    sweep(volume, current.as_deref())?;
    if let Some(current) = &current
        && is_same(&volume.join(current), &payload)?
    {
        // The links may be missing after a write that was cut off.
        return sync_links(volume, &payload);
    }
    let new = make_folder(volume)?;
    fill(&volume.join(&new), &payload)?;
    set_owner(&volume.join(&new))?;
    symlink(&new, volume.join(NEW_DATA)).map_err(VolumeError::file("create", volume.join(NEW_DATA)))?;
    let data = volume.join(DATA);
    fs::rename(volume.join(NEW_DATA), &data).map_err(VolumeError::file("replace", data))?;
    sync_links(volume, &payload)?;
    sweep(volume, Some(&new))?;
    Ok(true)
}

/// The payload with paths in one form.
fn cleaned(payload: &Payload) -> Result<BTreeMap<PathBuf, &File>, VolumeError> {
    let mut cleaned = BTreeMap::new();
    for (path, file) in payload {
        if let Some(problem) = problem_of(path) {
            return Err(VolumeError::FilePath { path: path.clone(), problem });
        }
        cleaned.insert(Path::new(path).components().filter(|c| *c != Component::CurDir).collect(), file);
    }
    Ok(cleaned)
}

/// What is wrong with a path, in the kubelet's words.
fn problem_of(path: &str) -> Option<&'static str> {
    let parts = || path.split('/');
    if path.is_empty() || !Path::new(path).components().any(|c| matches!(c, Component::Normal(_))) {
        Some("must not be empty")
    } else if path.starts_with('/') {
        Some("must be relative path")
    } else if path.len() > LONGEST_PATH {
        Some("must be less than or equal to 4096 characters")
    } else if parts().any(|part| part == "..") {
        Some("must not contain '..'")
    } else if parts().any(|part| part.len() > LONGEST_NAME) {
        Some("filenames must be less than or equal to 255 characters")
    } else if parts().find(|part| !part.is_empty() && *part != ".").is_some_and(|first| first.starts_with("..")) {
        Some("must not start with '..'")
    } else {
        None
    }
}

/// The folder that `..data` names. One that is not there, or a link to somewhere else, is as good as none.
fn current(volume: &Path) -> Result<Option<OsString>, VolumeError> {
    let link = volume.join(DATA);
    let target = match fs::read_link(&link) {
        Ok(target) => target,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(VolumeError::file("read", link)(e)),
    };
    let mut parts = target.components();
    let (first, rest) = (parts.next(), parts.next());
    let Some(Component::Normal(name)) = first.filter(|_| rest.is_none()) else { return Ok(None) };
    let is_there = fs::symlink_metadata(volume.join(name)).is_ok_and(|about| about.is_dir());
    Ok(is_there.then(|| name.to_owned()))
}

/// Removes what earlier writes have left: all but `..data` and the folder `keep`.
fn sweep(volume: &Path, keep: Option<&OsStr>) -> Result<(), VolumeError> {
    for name in names_in(volume)? {
        let hidden = name.as_encoded_bytes().starts_with(b"..");
        if !hidden || name == DATA || Some(name.as_os_str()) == keep {
            continue;
        }
        remove(&volume.join(name))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), VolumeError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|about| about.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(VolumeError::file("remove", path))
}

fn is_same(folder: &Path, payload: &BTreeMap<PathBuf, &File>) -> Result<bool, VolumeError> {
    let mut there = BTreeSet::new();
    list(folder, Path::new(""), &mut there)?;
    if !there.iter().eq(payload.keys()) {
        return Ok(false);
    }
    for (path, file) in payload {
        let path = folder.join(path);
        if fs::read(&path).map_err(VolumeError::file("read", path))? != file.content {
            return Ok(false);
        }
    }
    Ok(true)
}

/// All that is no folder below `root`, by the path in it.
fn list(root: &Path, at: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), VolumeError> {
    for name in names_in(&root.join(at))? {
        let path = at.join(name);
        let about = fs::symlink_metadata(root.join(&path)).map_err(VolumeError::file("look at", root.join(&path)))?;
        if about.is_dir() {
            list(root, &path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

fn names_in(folder: &Path) -> Result<Vec<OsString>, VolumeError> {
    let read = || fs::read_dir(folder)?.map(|entry| entry.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>();
    read().map_err(VolumeError::file("read", folder))
}

/// A folder named after the time, to the nanosecond: none has that name.
fn make_folder(volume: &Path) -> Result<OsString, VolumeError> {
    let name = OsString::from(Timestamp::now().strftime("..%Y_%m_%d_%H_%M_%S.%9f").to_string());
    let path = volume.join(&name);
    make_open_folder(&path)?;
    Ok(name)
}

/// Whatever the umask is.
fn make_open_folder(path: &Path) -> Result<(), VolumeError> {
    let made = DirBuilder::new().mode(FOLDER_MODE).create(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)))
        .map_err(VolumeError::file("create", path))
}

fn fill(folder: &Path, payload: &BTreeMap<PathBuf, &File>) -> Result<(), VolumeError> {
    for (path, file) in payload {
        let mut parent = folder.to_owned();
        for part in path.parent().into_iter().flat_map(Path::components) {
            parent.push(part);
            if !parent.is_dir() {
                make_open_folder(&parent)?;
            }
        }
        let path = folder.join(path);
        write_file(&path, file).map_err(VolumeError::file("write", path))?;
    }
    Ok(())
}

/// The mode is set when the content is there: it may forbid even the owner to write.
fn write_file(path: &Path, file: &File) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    open.write_all(&file.content)?;
    open.set_permissions(Permissions::from_mode(file.mode))
}

/// Makes the links for the payload's files and folders and removes all others. Gives whether there was anything to do.
fn sync_links(volume: &Path, payload: &BTreeMap<PathBuf, &File>) -> Result<bool, VolumeError> {
    let wanted: BTreeSet<&OsStr> = payload.keys().filter_map(|path| path.iter().next()).collect();
    let mut changed = false;
    for name in &wanted {
        let (link, target) = (volume.join(name), Path::new(DATA).join(name));
        if fs::read_link(&link).is_ok_and(|present| present == target) {
            continue;
        }
        symlink(&target, &link).map_err(VolumeError::file("create", link))?;
        changed = true;
    }
    for name in names_in(volume)? {
        if !name.as_encoded_bytes().starts_with(b"..") && !wanted.contains(name.as_os_str()) {
            remove(&volume.join(name))?;
            changed = true;
        }
    }
    Ok(changed)
}

#[cfg(test)]
#[path = "atomic_writer_tests.rs"]
mod tests;
