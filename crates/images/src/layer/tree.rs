//! File system operations that cannot leave one folder.
//!
//! A parent folder is opened with `openat2(RESOLVE_IN_ROOT)`: symlinks of the layer itself are
//! followed as a container would see them, an absolute or `..` one starts again at the layer's
//! root, and the kernel guarantees the rest. The last component is then created, never followed,
//! relative to that descriptor.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Timestamps, XattrFlags};
use rustix::io::Errno;

use super::UnpackError;
use super::metadata::Metadata;
use super::name::EntryName;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PATH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const WITHIN: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// How deep folders may lie in each other. Removing them holds a descriptor open for each level, and a process may have
/// no more than 1024; honest layers stay below 100.
const DEPTH_MAX: usize = 256;
/// Bytes of folder names kept until the end.
const NAMES_MAX: usize = 256 << 20;

/// As many symlinks as the kernel follows in one path.
const LINKS_MAX: u32 = 40;

/// The folder that a layer is unpacked into.
pub(crate) struct Tree {
    root: Rc<OwnedFd>,
    /// The last parent used: archives list a folder's files together.
    parent: Option<(PathBuf, Rc<OwnedFd>)>,
    /// Folders that were needed but not (yet) listed; empty path for the root.
    implicit: HashSet<PathBuf>,
    /// Folders' times, set at the end because creating files changes them.
    times: Vec<(PathBuf, Timestamps)>,
    /// Bytes of all names in the above.
    names: usize,
    /// Folders made because something lies in them.
    made: u64,
    /// How deep the root itself lies.
    root_depth: usize,
}

impl Tree {
    /// Works in the existing, empty folder `root`.
    pub(crate) fn open(root: &Path) -> Result<Self, UnpackError> {
        let descriptor = fs::open(root, PATH, Mode::empty()).map_err(|e| UnpackError::io("open", root, e))?;
        let implicit = HashSet::from([PathBuf::new()]);
        let root_depth = depth(&descriptor).map_err(|e| UnpackError::io("find", root, e))?;
        let root = Rc::new(descriptor);
        Ok(Self { root, parent: None, implicit, times: Vec::new(), names: 0, made: 0, root_depth })
    }

    /// How many folders were made that no entry asked for, so far.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// A new regular file, to be written by the caller, who then calls [`Self::finish_file`].
    pub(crate) fn file(&mut self, name: &EntryName) -> Result<File, UnpackError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        self.create("create", name, |dir, base| fs::openat(dir, base, flags, mode)).map(File::from)
    }

    /// Sets what is known about a file once it is written.
    pub(crate) fn finish_file(&self, name: &EntryName, file: &File, metadata: &Metadata) -> Result<(), UnpackError> {
        metadata.apply(file).map_err(|e| UnpackError::io("set the attributes of", name.path(), e))?;
        if let Some(times) = metadata.times() {
            fs::futimens(file, &times).map_err(|e| UnpackError::io("set the times of", name.path(), e))?;
        }
        Ok(())
    }

    /// A folder, new or listed again.
    pub(crate) fn directory(&mut self, name: &EntryName, metadata: &Metadata) -> Result<(), UnpackError> {
        let parent = self.parent(name)?;
        self.make_directory(&parent, &name.base, &name.path())?;
        let path = name.path();
        self.implicit.remove(&path);
        let opened = fs::openat(&*parent, &name.base, DIRECTORY, Mode::empty());
        opened.and_then(|dir| metadata.apply(dir)).map_err(|e| UnpackError::io("set the attributes of", &path, e))?;
        self.remember_times(path, metadata)
    }

    /// The layer's root folder is listed itself.
    pub(super) fn root_directory(&mut self, metadata: &Metadata) -> Result<(), UnpackError> {
        self.implicit.remove(Path::new(""));
        let opened = fs::openat(&*self.root, ".", DIRECTORY, Mode::empty());
        opened.and_then(|dir| metadata.apply(dir)).map_err(|e| UnpackError::io("set the attributes of", "/", e))?;
        self.remember_times(PathBuf::new(), metadata)
    }

    /// A symlink to anywhere: it is never followed from outside of a container.
    pub(crate) fn symlink(&mut self, name: &EntryName, target: &OsStr, metadata: &Metadata) -> Result<(), UnpackError> {
        self.create("make symlink", name, |dir, base| fs::symlinkat(target, dir, base))?;
        let parent = self.parent(name)?;
        metadata
            .apply_at(&*parent, &name.base, true)
            .map_err(|e| UnpackError::io("set the attributes of", name.path(), e))
    }

    /// A device or fifo.
    pub(super) fn node(
        &mut self,
        name: &EntryName,
        kind: FileType,
        (major, minor): (u32, u32),
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        let device = fs::makedev(major, minor);
        let mode = Mode::RUSR | Mode::WUSR;
        self.create("make device", name, |dir, base| fs::mknodat(dir, base, kind, mode, device))?;
        let parent = self.parent(name)?;
        metadata
            .apply_at(&*parent, &name.base, false)
            .map_err(|e| UnpackError::io("set the attributes of", name.path(), e))
    }

    /// Another name for a file of this layer.
    pub(super) fn hard_link(&mut self, name: &EntryName, target: &EntryName) -> Result<(), UnpackError> {
        if name == target {
            return Ok(());
        }
        let missing = || UnpackError::HardLinkTarget {
            name: name.path().to_string_lossy().into_owned(),
            target: target.path().to_string_lossy().into_owned(),
        };
        let source = match self.resolve(&target.dir) {
            Ok(source) => source,
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(missing()),
            Err(error) => return Err(UnpackError::io("open the folder of", target.path(), error)),
        };
        self.create("link", name, |dir, base| match fs::linkat(&*source, &target.base, dir, base, AtFlags::empty()) {
            // Told apart from a missing parent: that one is open already.
            // A folder has one name only.
            Err(Errno::NOENT | Errno::PERM) => Ok(Err(missing())),
            other => other.map(Ok),
        })?
    }

    /// Hides `name` of the layers below; what this layer itself holds under the name stays.
    pub(super) fn whiteout(&mut self, name: &EntryName) -> Result<(), UnpackError> {
        let parent = self.parent(name)?;
        let path = name.path();
        match fs::mknodat(&*parent, &name.base, FileType::CharacterDevice, Mode::empty(), 0) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => match fs::openat(&*parent, &name.base, DIRECTORY, Mode::empty()) {
                Ok(dir) => set_opaque(dir, &path),
                // Anything but a folder hides what is below by being there.
                Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(()),
                Err(error) => Err(UnpackError::io("open", path, error)),
            },
            Err(error) => Err(UnpackError::io("make a whiteout for", path, error)),
        }
    }

    /// Hides everything that the layers below have in `dir`.
    pub(super) fn opaque(&mut self, dir: &Path) -> Result<(), UnpackError> {
        let found = self.folder(dir)?;
        let opened = fs::openat(&*found, ".", DIRECTORY, Mode::empty());
        set_opaque(opened.map_err(|e| UnpackError::io("open", dir, e))?, dir)
    }

    /// Sets the folders' times and gives the folders that no entry described, parents first.
    pub(crate) fn finish(self) -> Result<Vec<PathBuf>, UnpackError> {
        for (path, times) in &self.times {
            // A later entry may have replaced the folder.
            if let Ok(dir) = self.resolve(path) {
                fs::utimensat(&*dir, ".", times, AtFlags::empty())
                    .map_err(|e| UnpackError::io("set the times of", path, e))?;
            }
        }
        let mut implicit: Vec<PathBuf> = self.implicit.into_iter().collect();
        implicit.sort();
        Ok(implicit)
    }

    /// Runs `make` on the name's parent; if something is there already, it goes first.
    fn create<T>(
        &mut self,
        operation: &'static str,
        name: &EntryName,
        make: impl Fn(&OwnedFd, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, UnpackError> {
        let parent = self.parent(name)?;
        let made = match make(&parent, &name.base) {
            Err(Errno::EXIST) => {
                self.parent = None;
                remove(&parent, &name.base).map_err(|e| UnpackError::io("replace", name.path(), e))?;
                make(&parent, &name.base)
            }
            made => made,
        };
        made.map_err(|e| UnpackError::io(operation, name.path(), e))
    }

    fn parent(&mut self, name: &EntryName) -> Result<Rc<OwnedFd>, UnpackError> {
        self.folder(&name.dir)
    }

    /// The folder at `path`, made if it is missing.
    fn folder(&mut self, path: &Path) -> Result<Rc<OwnedFd>, UnpackError> {
        if path.as_os_str().is_empty() {
            return Ok(self.root.clone());
        }
        if let Some((cached, dir)) = &self.parent
            && cached == path
        {
            return Ok(dir.clone());
        }
        check_depth(path, path.components().count())?;
        let dir = match self.resolve(path) {
            Ok(dir) => dir,
            Err(Errno::NOENT | Errno::NOTDIR) => self.make_folders(path, 0)?,
            Err(error) => return Err(UnpackError::io("open", path, error)),
        };
        self.check_place(path, &dir)?;
        self.parent = Some((path.to_path_buf(), dir.clone()));
        Ok(dir)
    }

    fn resolve(&self, path: &Path) -> Result<Rc<OwnedFd>, Errno> {
        if path.as_os_str().is_empty() {
            return Ok(self.root.clone());
        }
        fs::openat2(&*self.root, path, PATH, Mode::empty(), WITHIN).map(Rc::new)
    }

    /// Symlinks may lead deeper than a name shows.
    fn check_place(&self, path: &Path, dir: &OwnedFd) -> Result<(), UnpackError> {
        if fs::openat2(&*self.root, path, PATH, Mode::empty(), WITHIN | ResolveFlags::NO_SYMLINKS).is_ok() {
            return Ok(());
        }
        match depth(dir) {
            Ok(depth) => check_depth(path, depth.saturating_sub(self.root_depth)),
            Err(Errno::NAMETOOLONG) => check_depth(path, usize::MAX),
            Err(error) => Err(UnpackError::io("find", path, error)),
        }
    }

    fn remember_times(&mut self, path: PathBuf, metadata: &Metadata) -> Result<(), UnpackError> {
        self.remember(&path)?;
        self.times.extend(metadata.times().map(|times| (path, times)));
        Ok(())
    }

    /// Counts a name that is kept until the end.
    fn remember(&mut self, path: &Path) -> Result<(), UnpackError> {
        self.names += path.as_os_str().len();
        if self.names > NAMES_MAX {
            return Err(UnpackError::TooManyNames { limit: NAMES_MAX });
        }
        Ok(())
    }

    /// Makes what is missing of `path`, remembering that nothing is known of it.
    fn make_folders(&mut self, path: &Path, depth: u32) -> Result<Rc<OwnedFd>, UnpackError> {
        let blocked = || UnpackError::NotADirectory { name: path.to_string_lossy().into_owned() };
        let mut at = PathBuf::new();
        let mut dir = self.root.clone();
        for part in path {
            let within = at.clone();
            at.push(part);
            dir = match self.resolve(&at) {
                Ok(next) => next,
                Err(Errno::NOENT | Errno::NOTDIR) => match occupant(&dir, part, &at)? {
                    Occupant::Symlink if depth < LINKS_MAX => {
                        let link =
                            fs::readlinkat(&*dir, part, Vec::new()).map_err(|e| UnpackError::io("read", &at, e))?;
                        let target = lexical_target(&within, Path::new(OsStr::from_bytes(link.as_bytes())));
                        self.make_folders(&target, depth + 1)?
                    }
                    Occupant::Symlink | Occupant::Other => return Err(blocked()),
                    Occupant::Nothing | Occupant::Whiteout | Occupant::Folder => {
                        self.make_directory(&dir, part, &at)?;
                        self.remember(&at)?;
                        self.made += 1;
                        self.implicit.insert(at.clone());
                        self.resolve(&at).map_err(|e| UnpackError::io("open", &at, e))?
                    }
                },
                Err(error) => return Err(UnpackError::io("open", &at, error)),
            };
        }
        Ok(dir)
    }

    /// Makes one folder unless it is there, in place of anything else.
    fn make_directory(&mut self, parent: &OwnedFd, base: &OsStr, path: &Path) -> Result<(), UnpackError> {
        let make = || fs::mkdirat(parent, base, Mode::from_raw_mode(0o755));
        match make() {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(UnpackError::io("make folder", path, error)),
        }
        let occupant = occupant(parent, base, path)?;
        if occupant == Occupant::Folder {
            return Ok(());
        }
        self.parent = None;
        remove(parent, base).and_then(|()| make()).map_err(|e| UnpackError::io("replace", path, e))?;
        if occupant == Occupant::Whiteout {
            // What the whiteout hid must not show through the new folder.
            let dir =
                fs::openat(parent, base, DIRECTORY, Mode::empty()).map_err(|e| UnpackError::io("open", path, e))?;
            set_opaque(dir, path)?;
        }
        Ok(())
    }
}

/// How deep a folder lies in the whole file system.
fn depth(folder: &OwnedFd) -> Result<usize, Errno> {
    let path = fs::readlink(format!("/proc/self/fd/{}", folder.as_raw_fd()), Vec::new())?;
    Ok(Path::new(OsStr::from_bytes(path.as_bytes())).components().count())
}

fn check_depth(path: &Path, depth: usize) -> Result<(), UnpackError> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    // So long a name would fill the message.
    let name = path.to_string_lossy().chars().take(80).collect();
    Err(UnpackError::TooDeep { name, limit: DEPTH_MAX })
}

/// What has a name already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occupant {
    Nothing,
    Folder,
    Symlink,
    Whiteout,
    Other,
}

fn occupant(parent: &OwnedFd, base: &OsStr, path: &Path) -> Result<Occupant, UnpackError> {
    let stat = match fs::statat(parent, base, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Occupant::Nothing),
        Err(error) => return Err(UnpackError::io("look at", path, error)),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Occupant::Folder,
        FileType::Symlink => Occupant::Symlink,
        FileType::CharacterDevice if stat.st_rdev == 0 => Occupant::Whiteout,
        _ => Occupant::Other,
    })
}

/// Where a symlink in the folder `within` leads, as a path below the layer's root.
fn lexical_target(within: &Path, link: &Path) -> PathBuf {
    let mut target = if link.is_absolute() { PathBuf::new() } else { within.to_path_buf() };
    for part in link.components() {
        match part {
            Component::Normal(part) => target.push(part),
            Component::ParentDir => drop(target.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    target
}

fn set_opaque(dir: OwnedFd, path: &Path) -> Result<(), UnpackError> {
    fs::fsetxattr(dir, "trusted.overlay.opaque", b"y", XattrFlags::empty())
        .map_err(|e| UnpackError::io("make opaque", path, e))
}

/// Removes `base` in `parent`, with everything in it, following nothing.
fn remove(parent: impl AsFd, base: &OsStr) -> Result<(), Errno> {
    match fs::unlinkat(&parent, base, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        done => return done,
    }
    let dir = fs::openat(&parent, base, DIRECTORY, Mode::empty())?;
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            remove(&dir, OsStr::from_bytes(name))?;
        }
    }
    fs::unlinkat(&parent, base, AtFlags::REMOVEDIR)
}
