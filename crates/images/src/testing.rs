//! Archives and stores for this crate's unit tests.

use std::path::Path;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::{Digest, ImageStore};

/// A tar archive being written, hostile names included.
pub(crate) struct TarFile(Builder<Vec<u8>>);

impl TarFile {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Any entry; the name is taken as it is.
    pub(crate) fn entry(mut self, kind: EntryType, name: &str, link: &str, data: &[u8], mode: u32) -> Self {
        let mut header = header(kind, name, link, mode);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", data, 0o644)
    }

    pub(crate) fn dir(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, name, "", b"", mode)
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"", 0o777)
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"", 0o644)
    }

    pub(crate) fn device(mut self, name: &str, major: u32, minor: u32) -> Self {
        let mut header = header(EntryType::Char, name, "", 0o666);
        header.set_device_major(major).unwrap();
        header.set_device_minor(minor).unwrap();
        header.set_cksum();
        self.0.append(&header, &b""[..]).unwrap();
        self
    }

    /// A file with extended header records.
    pub(crate) fn file_with(mut self, name: &str, records: &[(&str, &[u8])], mode: u32) -> Self {
        self.0.append_pax_extensions(records.iter().copied()).unwrap();
        self.entry(EntryType::Regular, name, "", b"", mode)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn header(kind: EntryType, name: &str, link: &str, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    // `set_path` refuses the names that these tests are about.
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_link_name_literal(link).unwrap();
    header.set_mode(mode);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(1_000_000_000);
    header.set_size(0);
    header
}

pub(crate) fn store() -> (TempDir, ImageStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(&dir.path().join("images")).unwrap();
    (dir, store)
}

/// A configuration for these uncompressed layers.
pub(crate) fn config(layers: &[Vec<u8>], command: &str) -> Vec<u8> {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    serde_json::to_vec(&serde_json::json!({
        "architecture": crate::manifest::architecture(),
        "os": "linux",
        "config": {"Cmd": [command], "Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }))
    .unwrap()
}

/// What `docker save` writes.
pub(crate) fn docker_archive(layers: &[Vec<u8>], command: &str, tags: &[&str]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|n| format!("{n}/layer.tar")).collect();
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": tags, "Layers": names}]);
    let mut tar = TarFile::new().file("config.json", &config(layers, command));
    for (name, layer) in names.iter().zip(layers) {
        tar = tar.file(name, layer);
    }
    tar.file("manifest.json", manifest.to_string().as_bytes()).bytes()
}

/// An OCI layout's files: name and content.
pub(crate) fn oci_layout(layers: &[Vec<u8>], command: &str, annotations: serde_json::Value) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut blob = |media_type: &str, content: Vec<u8>| {
        let digest = Digest::of(&content);
        let descriptor = serde_json::json!({"mediaType": media_type, "digest": digest, "size": content.len()});
        files.push((format!("blobs/sha256/{}", digest.hex()), content));
        descriptor
    };
    let config = blob("application/vnd.oci.image.config.v1+json", config(layers, command));
    let layers: Vec<_> =
        layers.iter().map(|layer| blob("application/vnd.oci.image.layer.v1.tar", layer.clone())).collect();
    let manifest = serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers});
    let mut entry = blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes());
    entry["annotations"] = annotations;
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
    files.push(("index.json".to_owned(), index.to_string().into_bytes()));
    files
}

/// Names of everything below `dir`, sorted.
pub(crate) fn listing(dir: &Path) -> Vec<String> {
    fn walk(dir: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            }
            found.push(name);
        }
    }
    let mut found = Vec::new();
    walk(dir, "", &mut found);
    found.sort();
    found
}
