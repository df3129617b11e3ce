//! The archives are what they claim to be: each digest names the bytes that it stands for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::*;

fn sample() -> TestImage {
    TestImage::empty("reprise.test/sample:2")
        .file("etc/motd", 0o644, "hello")
        .symlink("etc/link", "motd")
        .next_layer()
        .whiteout("etc/motd")
        .config("User", json!("1000"))
}

fn files_of(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(File::open(archive).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.path().unwrap().to_string_lossy().into_owned(), bytes);
    }
    files
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[test]
fn a_docker_archive_lists_its_layers_in_the_order_of_their_diff_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    sample().write_docker_archive(&path).unwrap();
    let files = files_of(&path);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest[0]["RepoTags"][0], "reprise.test/sample:2");
    let config: Value = serde_json::from_slice(&files[manifest[0]["Config"].as_str().unwrap()]).unwrap();
    assert_eq!(config["config"]["User"], "1000");
    for index in 0..2 {
        let layer = &files[manifest[0]["Layers"][index].as_str().unwrap()];
        assert_eq!(config["rootfs"]["diff_ids"][index], digest(layer));
    }
}

#[test]
fn every_blob_of_an_oci_archive_has_the_digest_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Gzip] {
        let path = folder.path().join("image.tar");
        sample().write_oci_archive(&path, compression).unwrap();
        let files = files_of(&path);
        let blobs: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("blobs/sha256/")).collect();
        assert_eq!(blobs.len(), 4, "two layers, configuration, manifest");
        for (name, bytes) in blobs {
            assert_eq!(name.replace("blobs/sha256/", "sha256:"), digest(bytes));
        }
    }
}

#[test]
fn the_same_image_gives_the_same_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    sample().write_docker_archive(&first).unwrap();
    sample().write_docker_archive(&second).unwrap();
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}
