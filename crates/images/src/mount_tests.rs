//! With real mounts: what overlayfs makes of the layers, and a disk that is full. Needs root.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use crate::testing::{TarFile, docker_archive, listing};
use crate::{Error, Image, ImageStore};

/// A mount that goes with the value.
struct Mounted(PathBuf);

impl Mounted {
    fn new(kind: &str, at: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&at).unwrap();
        let options = std::ffi::CString::new(options).unwrap();
        mount(kind, &at, kind, MountFlags::empty(), options.as_c_str())
            .unwrap_or_else(|error| panic!("cannot mount {kind}, which needs root: {error}"));
        Self(at)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0, UnmountFlags::DETACH) {
            eprintln!("cannot unmount {}: {error}", self.0.display());
        }
    }
}

fn import(store: &ImageStore, layers: &[Vec<u8>]) -> Result<Image, Error> {
    let archive = docker_archive(layers, "/x", &["app:1"]);
    store.import_stream(&archive[..], "archive", None).map(|mut images| images.remove(0))
}

/// The image as a container sees it.
fn merged(dir: &Path, image: &Image) -> Mounted {
    let lower: Vec<String> = image.layers.iter().rev().map(|layer| layer.display().to_string()).collect();
    Mounted::new("overlay", dir.join("merged"), &format!("lowerdir={}", lower.join(":")))
}

#[test]
fn overlayfs_shows_what_the_layers_say() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(&dir.path().join("images")).unwrap();
    let lower = TarFile::new()
        .dir("./", 0o755)
        .dir("tmp", 0o1777)
        .dir("gone", 0o755)
        .file("gone/x", b"")
        .dir("opaque", 0o755)
        .file("opaque/old", b"")
        .dir("replaced", 0o755)
        .file("replaced/old", b"")
        .file("kept", b"lower")
        .file("changed", b"lower")
        .bytes();
    let upper = TarFile::new()
        .file(".wh.gone", b"")
        .file("opaque/.wh..wh..opq", b"")
        .file("opaque/new", b"")
        .file(".wh.replaced", b"")
        .file("replaced/new", b"")
        .file("tmp/new", b"")
        .file("changed", b"upper")
        .bytes();
    let image = import(&store, &[lower, upper]).unwrap();
    let root = merged(dir.path(), &image);
    let expected = ["changed", "kept", "opaque", "opaque/new", "replaced", "replaced/new", "tmp", "tmp/new"];
    assert_eq!(listing(&root.0), expected);
    assert_eq!(fs::read(root.0.join("changed")).unwrap(), b"upper");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(root.0.join("tmp")).unwrap());
    assert_eq!(mode & 0o7777, 0o1777);
}

#[test]
fn a_full_disk_is_told_as_such_and_leaves_a_store_that_works() {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let disk = Mounted::new("tmpfs", dir.path().join("disk"), "size=2m");
    let store = ImageStore::open(&disk.0.join("images")).unwrap();
    let small = TarFile::new().file("small", b"x").bytes();
    let big = TarFile::new().file("big", &[1; 3 << 20]).bytes();
    let image = import(&store, std::slice::from_ref(&small)).unwrap();
    let archive = dir.path().join("big.tar");
    fs::write(&archive, docker_archive(&[small, big], "/x", &["big"])).unwrap();
    let error = store.import(&archive, None).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&image));
    assert_eq!(listing(&store.dir().join("tmp")), [""; 0]);
    store.remove("app:1").unwrap();
}
