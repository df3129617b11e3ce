//! Steps that try what a container may or may not be allowed, print `STEP ARGUMENT: ok` or the error, and go on.
//!
//! | step | tries to |
//! |---|---|
//! | `try-read FILE` | read a byte |
//! | `try-mkdir FOLDER` | make a folder |
//! | `try-mknod FILE` | make a device node, of `/dev/null`'s number |
//! | `try-chown FILE` | give a file to user 12345 |
//! | `try-mount FOLDER` | mount a tmpfs |

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::chown;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, mount};

use crate::script::{Failure, Script};

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    let attempt: fn(&str) -> io::Result<()> = match name {
        "try-read" => read,
        "try-mkdir" => |path| fs::create_dir(path),
        "try-mknod" => {
            |path| Ok(mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o600), makedev(1, 3))?)
        }
        "try-chown" => |path| chown(path, Some(12345), None),
        "try-mount" => |path| Ok(mount("tmpfs", path, "tmpfs", MountFlags::empty(), None)?),
        _ => return Ok(false),
    };
    let argument = script.text("path")?;
    match attempt(&argument) {
        Ok(()) => println!("{name} {argument}: ok"),
        Err(error) => println!("{name} {argument}: {error}"),
    }
    Ok(true)
}

/// An empty file has nothing to read, which is no failure.
fn read(path: &str) -> io::Result<()> {
    match File::open(path)?.read_exact(&mut [0]) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(()),
    }
}
