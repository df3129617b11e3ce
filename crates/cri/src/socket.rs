//! Unix sockets at any path.
//!
//! The kernel's socket address holds 107 bytes, and a data folder in a test or in a user's home easily makes longer
//! paths. For those the folder is opened first and the socket is named through `/proc/self/fd/<folder>/<name>`,
//! which is short however deep the folder lies.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The longest path that fits the kernel's address structure, in bytes.
const LONGEST_ADDRESS: usize = 107;

/// Connects to the socket at `path`, however long the path.
///
/// # Errors
/// The operating system's, or `InvalidInput` if the file name alone is too long or missing.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    let short = ShortPath::of(path)?;
    UnixStream::connect(short.as_path()).await
}

/// Listens at `path`, however long the path. The file must not exist.
///
/// # Errors
/// The operating system's, or `InvalidInput` if the file name alone is too long or missing.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let short = ShortPath::of(path)?;
    UnixListener::bind(short.as_path())
}

/// A name for a socket that fits an address, valid as long as this value lives.
#[derive(Debug)]
pub struct ShortPath {
    name: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    /// The path itself where it fits, otherwise a name through an open descriptor of its folder.
    ///
    /// # Errors
    /// The folder can't be opened, or `InvalidInput` if the file name alone is too long or missing.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= LONGEST_ADDRESS {
            return Ok(Self { name: path.to_owned(), _folder: None });
        }
        let (Some(folder), Some(file_name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the path of a socket"));
        };
        let folder = File::open(folder)?;
        let name = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(file_name);
        if name.as_os_str().as_bytes().len() > LONGEST_ADDRESS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket's file name is too long"));
        }
        Ok(Self { name, _folder: Some(folder) })
    }

    /// The name to give to `bind` or `connect`.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_deeper_than_an_address_can_be_bound_and_reached() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(90)).join("e".repeat(90));
        std::fs::create_dir_all(&deep).unwrap();
        let path = deep.join("cri.sock");

        let listener = bind(&path).unwrap();
        let (near, far) = tokio::join!(connect(&path), listener.accept());
        near.unwrap();
        far.unwrap();
        assert!(path.exists(), "the socket lies where it was asked to lie");
    }

    #[test]
    fn a_short_path_is_used_as_it_is() {
        let path = Path::new("/run/containerd/containerd.sock");
        assert_eq!(ShortPath::of(path).unwrap().as_path(), path);
    }

    #[test]
    fn a_file_name_that_can_never_fit_is_refused() {
        let path = std::env::temp_dir().join("n".repeat(200));
        assert_eq!(ShortPath::of(&path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
