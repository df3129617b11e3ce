//! A container's root file system: an overlay of the image's layers and a fresh writable one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen, move_mount,
};

use super::Creation;
use crate::layout::ContainerDir;

/// Why a root file system could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RootFsError {
    /// A folder of the container could not be made.
    #[error("make {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel refused the overlay.
    #[error("overlayfs on {}: is the data folder on a file system that can carry an overlay (not on another overlay)?", path.display())]
    Overlay {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Mounts the overlay at the container's `rootfs`, with new `upper` and `work` folders.
pub fn mount(folder: &ContainerDir, creation: &Creation) -> Result<(), RootFsError> {
    for path in [folder.rootfs(), folder.upper(), folder.work(), folder.state_root()] {
        fs::create_dir_all(&path).map_err(|source| RootFsError::Folder { path, source })?;
    }
    let label = creation.selinux.as_deref().map(file_label);
    overlay(folder, &creation.layers, label.as_deref())
        .map_err(|e| RootFsError::Overlay { path: folder.rootfs(), source: e.into() })?;
    make_folder(&folder.rootfs(), &creation.working_dir)
        .map_err(|e| RootFsError::Folder { path: creation.working_dir.clone(), source: e.into() })
}

/// The label of files that a program with the label `process` may use, at the same level.
fn file_label(process: &str) -> String {
    let level = process.splitn(4, ':').nth(3).unwrap_or("s0");
    format!("system_u:object_r:container_file_t:{level}")
}

fn overlay(folder: &ContainerDir, layers: &[PathBuf], label: Option<&str>) -> Result<(), Errno> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let context = context.as_fd();
    for layer in layers {
        fsconfig_set_string(context, "lowerdir+", layer.as_os_str())?;
    }
    fsconfig_set_string(context, "upperdir", folder.upper().as_os_str())?;
    fsconfig_set_string(context, "workdir", folder.work().as_os_str())?;
    // Nothing of a container outlives a crash of the machine, so nothing needs to be synced when it is unmounted.
    fsconfig_set_flag(context, "volatile")?;
    if let Some(label) = label {
        fsconfig_set_string(context, "context", label)?;
    }
    fsconfig_create(context)?;
    let mounted = fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    move_mount(&mounted, "", CWD, folder.rootfs(), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Makes a folder and its parents inside the root file system; symlinks in the image are followed within it.
fn make_folder(root: &Path, inside: &Path) -> Result<(), Errno> {
    let mut here =
        openat2(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::empty())?;
    let mut path = PathBuf::new();
    let root = here.try_clone().map_err(|_| Errno::MFILE)?;
    for part in inside.components().filter(|c| matches!(c, std::path::Component::Normal(_))) {
        path.push(part);
        let open = || {
            openat2(
                &root,
                &path,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
                ResolveFlags::IN_ROOT,
            )
        };
        here = match open() {
            Err(Errno::NOENT) => {
                mkdirat(&here, part.as_os_str(), Mode::from_raw_mode(0o755))?;
                open()?
            }
            opened => opened?,
        };
    }
    Ok(())
}
