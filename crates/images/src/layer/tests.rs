//! Unpacking as a whole, hostile archives first. Runs as root, as the agent does.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::lgetxattr;
use tar::EntryType;
use tempfile::TempDir;

use super::{Blob, Limits, StagedLayer, UnpackError, stage};
use crate::testing::{TarFile, listing};
use crate::{Digest, Error};

/// A folder with a secret beside the layer's root.
struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret"), "secret").unwrap();
        Self { dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("layer")
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    fn unpack_within(&self, tar: &[u8], limits: Limits) -> Result<StagedLayer, Error> {
        let blob = Blob { diff_id: &Digest::of(tar), compressed: None };
        let staged = stage(tar, &self.root(), &blob, limits);
        assert_eq!(listing(&self.outside()), ["secret"], "something was written outside");
        assert_eq!(fs::read_to_string(self.outside().join("secret")).unwrap(), "secret");
        staged
    }

    fn unpack(&self, tar: TarFile) -> Result<StagedLayer, Error> {
        self.unpack_within(&tar.bytes(), Limits::default())
    }

    fn refusal(&self, tar: TarFile) -> UnpackError {
        match self.unpack(tar) {
            Err(Error::Unpack { source, .. }) => source,
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 64];
    let length = lgetxattr(path, name, &mut buffer[..]).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

fn is_whiteout(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|stat| stat.file_type().is_char_device() && stat.rdev() == 0)
}

#[test]
fn parent_and_absolute_names_are_refused() {
    let names = ["../outside/x", "a/../../outside/x", "/etc/x", "a/..", ".."];
    for name in names {
        for kind in [EntryType::Regular, EntryType::Directory, EntryType::Symlink, EntryType::Fifo] {
            let sandbox = Sandbox::new();
            let refusal = sandbox.refusal(TarFile::new().entry(kind, name, "x", b"", 0o644));
            assert!(matches!(refusal, UnpackError::ParentName { .. } | UnpackError::AbsoluteName { .. }), "{name}");
        }
    }
}

#[test]
fn writing_through_a_symlink_stays_inside() {
    for target in ["../outside", "../../../../../../outside", "/outside"] {
        let sandbox = Sandbox::new();
        sandbox.unpack(TarFile::new().symlink("link", target).file("link/x", b"inside")).unwrap();
        assert_eq!(fs::read(sandbox.root().join("outside/x")).unwrap(), b"inside", "{target}");
    }
}

#[test]
fn an_absolute_symlink_to_the_real_outside_is_taken_as_inside() {
    let sandbox = Sandbox::new();
    let outside = sandbox.outside();
    let target = outside.to_str().unwrap();
    sandbox.unpack(TarFile::new().symlink("link", target).file("link/secret", b"overwritten")).unwrap();
    assert_eq!(fs::read(sandbox.root().join(&target[1..]).join("secret")).unwrap(), b"overwritten");
}

#[test]
fn a_symlink_in_place_of_a_file_is_replaced_and_not_followed() {
    let sandbox = Sandbox::new();
    sandbox.unpack(TarFile::new().symlink("x", "../outside/secret").file("x", b"mine")).unwrap();
    assert_eq!(fs::read(sandbox.root().join("x")).unwrap(), b"mine");
}

#[test]
fn a_folder_replaced_by_a_symlink_does_not_redirect_later_files() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new().dir("a", 0o755).file("a/1", b"1").symlink("a", "../outside").file("a/secret", b"2");
    sandbox.unpack(tar).unwrap();
    assert_eq!(fs::read(sandbox.root().join("outside/secret")).unwrap(), b"2");
}

#[test]
fn a_hard_link_to_a_folder_is_refused_as_such() {
    let refusal = Sandbox::new().refusal(TarFile::new().dir("d", 0o755).hard_link("x", "d"));
    assert!(matches!(&refusal, UnpackError::HardLinkTarget { target, .. } if target == "d"), "{refusal:?}");
}

#[test]
fn hard_links_to_outside_are_refused() {
    let sandbox = Sandbox::new();
    let refusal = sandbox.refusal(TarFile::new().hard_link("x", "../outside/secret"));
    assert!(matches!(refusal, UnpackError::ParentName { .. }));
    let sandbox = Sandbox::new();
    let refusal = sandbox.refusal(TarFile::new().symlink("d", "../outside").hard_link("x", "d/secret"));
    assert!(matches!(refusal, UnpackError::HardLinkTarget { .. }));
    let sandbox = Sandbox::new();
    let refusal = sandbox.refusal(TarFile::new().hard_link("x", "/etc/passwd"));
    assert!(matches!(refusal, UnpackError::AbsoluteName { .. }));
}

#[test]
fn symlinks_in_a_circle_end_in_an_error() {
    let sandbox = Sandbox::new();
    assert!(sandbox.unpack(TarFile::new().symlink("a", "b").symlink("b", "a").file("a/x", b"")).is_err());
}

#[test]
fn too_many_entries_and_too_many_bytes_are_refused() {
    let many = (0..20).fold(TarFile::new(), |tar, n| tar.file(&format!("f{n}"), b"")).bytes();
    let limits = Limits { entries: 10, ..Limits::default() };
    let refused = Sandbox::new().unpack_within(&many, limits);
    assert!(matches!(refused, Err(Error::Unpack { source: UnpackError::TooManyEntries { limit: 10 }, .. })));
    let big = TarFile::new().file("big", &[0; 100_000]).bytes();
    let limits = Limits { bytes: 50_000, ..Limits::default() };
    let refused = Sandbox::new().unpack_within(&big, limits);
    assert!(matches!(refused, Err(Error::Unpack { source: UnpackError::TooLarge { limit: 50_000 }, .. })));
}

#[test]
fn content_with_another_digest_is_refused() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new().file("a", b"x").bytes();
    let blob = Blob { diff_id: &Digest::of(b"something else"), compressed: None };
    let refused = stage(&tar[..], &sandbox.root(), &blob, Limits::default());
    assert!(matches!(refused, Err(Error::Unpack { source: UnpackError::Digest { .. }, .. })));
}

#[test]
fn bytes_after_the_last_entry_count_for_the_digest() {
    let mut tar = TarFile::new().file("a", b"x").bytes();
    tar.extend([0; 10_240]);
    Sandbox::new().unpack_within(&tar, Limits::default()).unwrap();
}

#[test]
fn owner_mode_time_and_setuid_are_kept() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new()
        .dir("d", 0o1777)
        .entry(EntryType::Regular, "d/su", "", b"x", 0o4755)
        .symlink("d/link", "su")
        .hard_link("d/same", "d/su");
    sandbox.unpack(tar).unwrap();
    let stat = |name: &str| fs::symlink_metadata(sandbox.root().join(name)).unwrap();
    assert_eq!(stat("d").mode() & 0o7777, 0o1777);
    assert_eq!(stat("d").mtime(), 1_000_000_000);
    assert_eq!(stat("d/su").mode() & 0o7777, 0o4755);
    assert_eq!((stat("d/su").uid(), stat("d/su").gid(), stat("d/su").mtime()), (7, 8, 1_000_000_000));
    assert_eq!((stat("d/link").uid(), stat("d/link").mtime()), (7, 1_000_000_000));
    assert_eq!(stat("d/same").ino(), stat("d/su").ino());
}

#[test]
fn devices_and_fifos_are_made() {
    let sandbox = Sandbox::new();
    sandbox.unpack(TarFile::new().device("null", 1, 3).entry(EntryType::Fifo, "pipe", "", b"", 0o600)).unwrap();
    let null = fs::symlink_metadata(sandbox.root().join("null")).unwrap();
    assert!(null.file_type().is_char_device());
    assert_eq!((null.rdev(), null.mode() & 0o777), (rustix::fs::makedev(1, 3), 0o666));
    assert!(fs::symlink_metadata(sandbox.root().join("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn capabilities_are_kept_and_overlay_attributes_dropped() {
    // cap_dac_override and cap_fowner: a value with a newline in it.
    let capability = [&[1, 0, 0, 2, 0x0a][..], &[0; 15]].concat();
    let sandbox = Sandbox::new();
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.security.capability", &capability),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.note", b"hello"),
        ("mtime", b"1500000000.25"),
    ];
    sandbox.unpack(TarFile::new().file_with("f", &records, 0o755)).unwrap();
    let file = sandbox.root().join("f");
    assert_eq!(attribute(&file, "security.capability").unwrap(), capability);
    assert_eq!(attribute(&file, "user.note").unwrap(), b"hello");
    assert_eq!(attribute(&file, "trusted.overlay.redirect"), None);
    let stat = fs::metadata(&file).unwrap();
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (1_500_000_000, 250_000_000));
}

#[test]
fn whiteouts_become_what_overlayfs_knows() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new()
        .file("a/.wh.gone", b"")
        .dir("b", 0o755)
        .file("b/.wh..wh..opq", b"")
        .file(".wh..wh.plnk", b"")
        .file("b/kept", b"");
    sandbox.unpack(tar).unwrap();
    assert!(is_whiteout(&sandbox.root().join("a/gone")));
    assert_eq!(attribute(&sandbox.root().join("b"), "trusted.overlay.opaque").unwrap(), b"y");
    assert_eq!(listing(&sandbox.root()), ["a", "a/gone", "b", "b/kept"]);
}

#[test]
fn a_whiteout_hides_only_what_lies_below_whatever_the_order() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new()
        .dir("first", 0o755)
        .file("first/x", b"")
        .file(".wh.first", b"")
        .file(".wh.second", b"")
        .dir("second", 0o755)
        .file(".wh.third", b"")
        .file("third/x", b"")
        .file("file", b"x")
        .file(".wh.file", b"");
    sandbox.unpack(tar).unwrap();
    for dir in ["first", "second", "third"] {
        assert_eq!(attribute(&sandbox.root().join(dir), "trusted.overlay.opaque").unwrap(), b"y", "{dir}");
    }
    assert_eq!(fs::read(sandbox.root().join("file")).unwrap(), b"x");
}

#[test]
fn a_whiteout_of_a_name_with_a_symlink_hides_nothing_outside() {
    let sandbox = Sandbox::new();
    sandbox.unpack(TarFile::new().symlink("d", "../outside").file("d/.wh.secret", b"")).unwrap();
    assert!(is_whiteout(&sandbox.root().join("outside/secret")));
}

#[test]
fn a_file_cannot_be_a_folder() {
    let sandbox = Sandbox::new();
    let refusal = sandbox.refusal(TarFile::new().file("a", b"").file("a/b", b""));
    assert!(matches!(refusal, UnpackError::NotADirectory { .. }));
}

#[test]
fn later_entries_replace_earlier_ones_of_any_kind() {
    let sandbox = Sandbox::new();
    let tar = TarFile::new()
        .dir("d", 0o755)
        .file("d/deep/er/x", b"")
        .file("d", b"now a file")
        .file("f", b"")
        .dir("f", 0o700)
        .file("f/x", b"y")
        .dir("f", 0o711);
    sandbox.unpack(tar).unwrap();
    assert_eq!(listing(&sandbox.root()), ["d", "f", "f/x"]);
    assert_eq!(fs::metadata(sandbox.root().join("f")).unwrap().permissions().mode() & 0o777, 0o711);
}

#[test]
fn folders_that_no_entry_describes_take_the_attributes_from_below() {
    let (lower, upper) = (Sandbox::new(), Sandbox::new());
    lower.unpack(TarFile::new().dir("./", 0o711).dir("tmp", 0o1777).dir("tmp/own", 0o700)).unwrap();
    let staged = upper.unpack(TarFile::new().file("tmp/own/x", b"").file("new/y", b"")).unwrap();
    assert_eq!(staged.implicit, [PathBuf::new(), "new".into(), "tmp".into(), "tmp/own".into()]);
    staged.inherit(&[&lower.root()]).unwrap();
    let mode = |name: &str| fs::metadata(upper.root().join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode(""), mode("tmp"), mode("tmp/own"), mode("new")), (0o711, 0o1777, 0o700, 0o755));
    assert_eq!(fs::metadata(upper.root().join("tmp")).unwrap().uid(), 7);
}

#[test]
fn folders_do_not_lie_deeper_than_can_be_removed_again() {
    let deep = |levels: usize| format!("{}x", "d/".repeat(levels));
    let file = |tar: TarFile, path: &str| tar.file_with("x", &[("path", path.as_bytes())], 0o644);
    Sandbox::new().unpack(file(TarFile::new(), &deep(256))).unwrap();
    let refused = Sandbox::new().refusal(file(TarFile::new(), &deep(257)));
    assert!(matches!(refused, UnpackError::TooDeep { .. }), "{refused:?}");

    // A symlink shortens the name and not the place.
    let linked = |levels: usize| {
        let tar = file(TarFile::new(), &deep(200)).symlink("a", &"d/".repeat(40));
        file(tar, &format!("a/{}", deep(levels)))
    };
    Sandbox::new().unpack(linked(216)).unwrap();
    let refused = Sandbox::new().refusal(linked(217));
    assert!(matches!(refused, UnpackError::TooDeep { .. }), "{refused:?}");
}

#[test]
fn folders_that_names_need_count_as_entries() {
    let tar = || TarFile::new().file("a/b/c/d", b"").file("a/x/y", b"").bytes();
    let sandbox = Sandbox::new();
    let staged = sandbox.unpack_within(&tar(), Limits { entries: 6, bytes: 1 << 20 }).unwrap();
    assert_eq!(staged.inodes as usize, listing(&sandbox.root()).len() + 1);
    let refused = Sandbox::new().unpack_within(&tar(), Limits { entries: 5, bytes: 1 << 20 });
    assert!(matches!(&refused, Err(Error::Unpack { source: UnpackError::TooManyEntries { .. }, .. })), "{refused:?}");
}

#[test]
fn files_together_do_not_exceed_the_limit() {
    let tar = TarFile::new().file("a", &[1; 3000]).file("b", &[1; 3000]).bytes();
    let sandbox = Sandbox::new();
    assert!(sandbox.unpack_within(&tar, Limits { entries: 5, bytes: 6000 }).is_err());
    assert!(!sandbox.root().join("b").exists());
}
