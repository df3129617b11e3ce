//! The store as a whole: import, share, lease, remove, and what crashes leave.

use std::fs;
use std::sync::Barrier;

use crate::testing::{TarFile, docker_archive, listing, oci_layout, store};
use crate::{Digest, Error, ImageStore, Removed};

fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    TarFile::new().dir("./", 0o755).file(name, content).bytes()
}

fn import(store: &ImageStore, layers: &[Vec<u8>], command: &str, tag: &str) -> crate::Image {
    let archive = docker_archive(layers, command, &[tag]);
    store.import_stream(&archive[..], "test archive", None).unwrap().remove(0)
}

#[test]
fn an_image_is_found_by_name_and_by_id() {
    let (_dir, store) = store();
    let image = import(&store, &[layer("bin", b"x")], "/bin", "app:1");
    for reference in ["app:1", "docker.io/library/app:1", image.id.as_str(), image.id.hex()] {
        assert_eq!(store.resolve(reference).unwrap().as_ref(), Some(&image), "{reference}");
    }
    assert_eq!(store.resolve("app:2").unwrap(), None);
    assert_eq!(image.cmd(), ["/bin"]);
    assert_eq!(image.env(), ["A=b"]);
    assert_eq!(fs::read(image.layers[0].join("bin")).unwrap(), b"x");
    assert!(image.layers[0].ends_with("l/0"));
}

#[test]
fn the_start_of_an_id_is_enough_if_no_other_image_has_it() {
    let (_dir, store) = store();
    let image = import(&store, &[layer("bin", b"x")], "/bin", "app:1");
    let short = &image.id.hex()[..12];
    for reference in [short, &image.id.hex()[..4], &format!("sha256:{short}")] {
        assert_eq!(store.resolve(reference).unwrap().as_ref(), Some(&image), "{reference}");
    }
    assert_eq!(store.resolve(&image.id.hex()[..3]).unwrap(), None);
    // A name wins.
    let named = import(&store, &[layer("bin", b"y")], "/bin", short);
    assert_eq!(store.resolve(short).unwrap(), Some(named));
    assert_eq!(store.remove(&format!("sha256:{short}")).unwrap().deleted, Some(image.id));

    // Of 21 ids at least two begin with the same digit.
    for n in 0..20 {
        import(&store, &[layer("bin", b"x")], &format!("/{n}"), &format!("app:{n}"));
    }
    let index = store.read_index().unwrap();
    let error = (0..16).find_map(|digit| crate::store::by_prefix(&index, &format!("{digit:x}")).err());
    assert!(matches!(error, Some(Error::Ambiguous { .. })), "{error:?}");
}

#[test]
fn layers_are_shared_and_go_with_their_last_image() {
    let (_dir, store) = store();
    let base = layer("base", b"base");
    let one = import(&store, &[base.clone(), layer("one", b"1")], "/one", "one");
    let two = import(&store, &[base, layer("two", b"2")], "/two", "two");
    assert_eq!(one.layers[0], two.layers[0]);
    assert_eq!(store.usage().unwrap().bytes, 6);
    store.remove("one").unwrap();
    assert!(!one.layers[1].exists() && two.layers[0].exists());
    store.remove(two.id.as_str()).unwrap();
    assert_eq!(listing(store.dir()), ["config", "index.json", "l", "leases", "lock", "locks", "tmp"]);
    assert_eq!(store.usage().unwrap(), crate::Usage::default());
}

#[test]
fn a_name_goes_before_the_image() {
    let (_dir, store) = store();
    let archive = docker_archive(&[layer("x", b"")], "/x", &["app:1", "app:2"]);
    let image = store.import_stream(&archive[..], "archive", None).unwrap().remove(0);
    let removed = store.remove("app:1").unwrap();
    assert_eq!(removed, Removed { untagged: vec!["docker.io/library/app:1".into()], deleted: None });
    let removed = store.remove("app:2").unwrap();
    assert_eq!(removed.deleted, Some(image.id));
    assert!(matches!(store.remove("app:2"), Err(Error::NotStored { .. })));
}

#[test]
fn leased_layers_outlive_the_image() {
    let (_dir, store) = store();
    let image = import(&store, &[layer("x", b"x")], "/x", "app");
    assert_eq!(store.lease(&image.id, "container-1").unwrap(), image);
    store.lease(&image.id, "container-2").unwrap();
    store.remove("app").unwrap();
    assert_eq!(store.resolve("app").unwrap(), None);
    store.release("container-1").unwrap();
    assert!(image.layers[0].join("x").exists());
    // Imported again, the layer is found again.
    assert_eq!(import(&store, &[layer("x", b"x")], "/x", "app").layers, image.layers);
    store.remove("app").unwrap();
    assert_eq!(store.leases().unwrap().len(), 1);
    store.release("container-2").unwrap();
    assert!(!image.layers[0].exists());
    store.release("container-2").unwrap();
}

#[test]
fn lease_holders_cannot_be_paths() {
    let (_dir, store) = store();
    let image = import(&store, &[layer("x", b"x")], "/x", "app");
    for holder in ["", "../x", "a/b", ".hidden"] {
        assert!(matches!(store.lease(&image.id, holder), Err(Error::InvalidHolder { .. })), "{holder:?}");
    }
    assert!(matches!(store.lease(&Digest::of(b"none"), "x"), Err(Error::NotStored { .. })));
}

#[test]
fn importing_at_the_same_time_makes_a_layer_once() {
    let (_dir, store) = store();
    let shared = layer("shared", &[1; 300_000]);
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (store, shared, start) = (&store, shared.clone(), &start);
            scope.spawn(move || {
                // As another process would.
                let store = ImageStore::open(store.dir()).unwrap();
                start.wait();
                import(&store, &[shared, layer("own", &[n])], &format!("/{n}"), &format!("app:{n}"));
            });
        }
    });
    let images = store.list().unwrap();
    assert_eq!(images.len(), 4);
    assert!(images.iter().all(|image| image.layers[0] == images[0].layers[0]));
    assert_eq!(fs::read_dir(store.dir().join("l")).unwrap().count(), 5);
    assert_eq!(listing(&store.dir().join("locks")), [""; 0]);
    assert_eq!(listing(&store.dir().join("tmp")), [""; 0]);
}

#[test]
fn a_failed_import_leaves_nothing() {
    let (_dir, store) = store();
    let hostile = TarFile::new().file("../x", b"").bytes();
    let archive = docker_archive(&[layer("good", b""), hostile], "/x", &["app"]);
    assert!(matches!(store.import_stream(&archive[..], "archive", None), Err(Error::Unpack { .. })));
    assert!(store.list().unwrap().is_empty());
    for folder in ["l", "tmp", "locks", "config"] {
        assert_eq!(listing(&store.dir().join(folder)), [""; 0], "{folder}");
    }
}

#[test]
fn what_a_crash_left_is_removed_on_open_and_work_in_progress_is_not() {
    let (_dir, store) = store();
    let image = import(&store, &[layer("x", b"x")], "/x", "app");
    let working = store.work_dir().unwrap();
    fs::create_dir_all(store.dir().join("tmp/crashed/0/deep")).unwrap();
    fs::create_dir_all(store.dir().join("l/77/half")).unwrap();
    fs::write(store.dir().join("locks/dead"), "").unwrap();
    for half in [".tmpindex", "config/.tmp1", "leases/.tmp1", &format!("config/{}", "0".repeat(64))] {
        fs::write(store.dir().join(half), "").unwrap();
    }
    ImageStore::open(store.dir()).unwrap();
    let entries = |folder: &str| fs::read_dir(store.dir().join(folder)).unwrap().count();
    assert_eq!((entries(""), entries("config"), entries("leases")), (7, 1, 0));
    assert!(!store.dir().join("tmp/crashed").exists());
    assert!(!store.dir().join("l/77").exists());
    assert!(!store.dir().join("locks/dead").exists());
    assert!(working.path().exists());
    assert!(image.layers[0].exists());
}

#[test]
fn archives_of_every_format_give_the_same_image() {
    let (dir, store) = store();
    let layers = [layer("a", b"1"), layer("b", b"2")];
    let names = serde_json::json!({"org.opencontainers.image.ref.name": "docker.io/library/app:oci"});
    let files = oci_layout(&layers, "/x", names);
    let folder = dir.path().join("layout");
    let mut tar = TarFile::new();
    for (name, content) in &files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        tar = tar.file(name, content);
    }
    let tar = tar.bytes();
    let archive = dir.path().join("layout.tar");
    fs::write(&archive, &tar).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &tar).unwrap();

    let docker = import(&store, &layers, "/x", "app:docker");
    let from_folder = store.import(&folder, None).unwrap().remove(0);
    let from_archive = store.import(&archive, None).unwrap().remove(0);
    let from_gzip = store.import_stream(&gzip.finish().unwrap()[..], "gzip", None).unwrap().remove(0);
    assert_eq!(docker.id, from_folder.id);
    assert_eq!(from_folder, from_archive);
    assert_eq!(from_folder, from_gzip);
    assert_eq!(from_folder.repo_tags, ["docker.io/library/app:docker", "docker.io/library/app:oci"]);
    assert!(store.resolve(&from_folder.repo_digests[0]).unwrap().is_some());
}

#[test]
fn a_tag_alone_is_completed_by_the_name_that_is_given() {
    let (_dir, store) = store();
    let files = oci_layout(&[layer("a", b"1")], "/x", serde_json::json!({"org.opencontainers.image.ref.name": "v1"}));
    let tar = files.iter().fold(TarFile::new(), |tar, (name, content)| tar.file(name, content)).bytes();
    let unnamed = store.import_stream(&tar[..], "archive", None).unwrap().remove(0);
    assert!(unnamed.repo_tags.is_empty());
    let named = store.import_stream(&tar[..], "archive", Some("team/app")).unwrap().remove(0);
    assert_eq!(named.repo_tags, ["docker.io/team/app:v1"]);
    let other = store.import_stream(&tar[..], "archive", Some("team/app:2")).unwrap().remove(0);
    assert_eq!(other.repo_tags, ["docker.io/team/app:2", "docker.io/team/app:v1"]);
}

#[test]
fn a_damaged_blob_in_a_layout_is_noticed() {
    let (_dir, store) = store();
    let mut files = oci_layout(&[layer("a", b"1")], "/x", serde_json::json!({}));
    for position in 1..files.len() - 1 {
        let last = files[position].1.len() - 1;
        files[position].1[last] ^= 1;
        let tar = files.iter().fold(TarFile::new(), |tar, (name, content)| tar.file(name, content)).bytes();
        let error = store.import_stream(&tar[..], "archive", None).unwrap_err();
        assert!(matches!(error, Error::DigestMismatch { .. } | Error::Unpack { .. }), "{error:?}");
        files[position].1[last] ^= 1;
    }
}

#[test]
fn a_folder_that_names_files_outside_is_refused() {
    let (dir, store) = store();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(dir.path().join("secret"), "{}").unwrap();
    let manifest = r#"[{"Config": "../secret", "RepoTags": ["x"], "Layers": []}]"#;
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    let error = store.import(&folder, None).unwrap_err();
    assert!(matches!(&error, Error::InvalidImage { reason, .. } if reason.contains("../secret")), "{error:?}");
}

#[test]
fn what_is_no_image_archive_is_refused_with_its_name() {
    let (dir, store) = store();
    let path = dir.path().join("notes.txt");
    fs::write(&path, "hello").unwrap();
    let error = store.import(&path, None).unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    let other = TarFile::new().file("x", b"").bytes();
    assert!(matches!(store.import_stream(&other[..], "other.tar", None), Err(Error::InvalidImage { .. })));
}
