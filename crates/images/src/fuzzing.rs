//! Ways in for fuzzing: what strangers write and this crate reads. What must hold is asserted.

// A target that finds something panics.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Digest;
use crate::layer::{Limits, UnpackError, unpack_unproven};
use crate::manifest::{Manifest, choose, parse_config};

/// Small, so that a run is fast and the limits are reached.
const LIMITS: Limits = Limits { entries: 64, bytes: 256 << 10 };
const SECRET: &[u8] = b"secret";

/// A manifest or index, as a registry answers with.
pub fn manifest(bytes: &[u8]) {
    match Manifest::parse("it", bytes) {
        Ok(Manifest::Index(entries)) => {
            if let Ok(chosen) = choose("it", &entries) {
                assert!(entries.iter().any(|entry| entry.digest == chosen.digest));
            }
        }
        Ok(Manifest::Image(image)) => {
            let digests = image.layers.iter().chain([&image.config]).map(|part| &part.digest);
            assert!(digests.map(Digest::hex).all(|hex| hex.len() == 64 && !hex.contains('/')));
        }
        Err(error) => drop(error.to_string()),
    }
}

/// An image's configuration.
pub fn config(bytes: &[u8]) {
    for layers in 0..3 {
        match parse_config("it", bytes, layers) {
            Ok((config, diff_ids)) => {
                assert_eq!(diff_ids.len(), layers);
                assert!(serde_json::to_vec(&config).is_ok(), "a configuration that was read cannot be written");
            }
            Err(error) => drop(error.to_string()),
        }
    }
}

/// A layer's archive: nothing is written outside of its folder, the limits hold, and what was written can be removed.
pub fn layer(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("layer"), dir.path().join("outside"));
    fs::create_dir(&root).unwrap();
    fs::write(&outside, SECRET).unwrap();
    let before = fs::metadata(&outside).unwrap();
    let unpacked = unpack_unproven(bytes, &root, LIMITS);

    let after = fs::metadata(&outside).unwrap();
    let state = |stat: &fs::Metadata| (stat.mode(), stat.uid(), stat.nlink(), stat.mtime(), stat.mtime_nsec());
    assert_eq!(state(&before), state(&after), "a file outside was changed");
    assert_eq!(fs::read(&outside).unwrap(), SECRET);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "something was made outside");

    let mut found = Found::default();
    found.walk(&root);
    match unpacked {
        Ok((bytes, inodes)) => {
            assert!(bytes <= LIMITS.bytes && inodes <= LIMITS.entries);
            assert!(found.bytes <= bytes && found.files <= inodes, "more was made than was counted");
        }
        Err(UnpackError::Io { source, operation, name }) => {
            // Nothing that an archive holds is a reason for the system to run out of something.
            let is_of_process = [io::ErrorKind::PermissionDenied, io::ErrorKind::OutOfMemory].contains(&source.kind())
                || source.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error());
            assert!(!is_of_process, "{operation} {name}: {source}");
        }
        Err(error) => drop(error.to_string()),
    }
    // One entry may need as many folders as may lie in each other.
    assert!(found.files <= LIMITS.entries + 600, "{} files", found.files);
    fs::remove_dir_all(&root).unwrap();
}

#[derive(Default)]
struct Found {
    files: u64,
    bytes: u64,
}

impl Found {
    fn walk(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let stat = entry.metadata().unwrap();
            self.files += 1;
            // Other names of a file take no room.
            self.bytes += if stat.is_file() { stat.len() / stat.nlink() } else { 0 };
            if stat.is_dir() {
                self.walk(&entry.path());
            }
        }
    }
}
