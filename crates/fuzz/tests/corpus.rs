//! Everything in the kept corpus goes through its target, as an ordinary test. `cargo xtask fuzz --minimize` adds to it.

// What fails here fails a test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use reprise_fuzz::TARGETS;

/// The corpus is for every clone, not for a museum.
const BYTES_MAX: u64 = 300 << 10;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn nothing_in_the_corpus_is_a_find() {
    for target in TARGETS {
        let inputs = files(&corpus().join(target.name));
        assert!(inputs.len() > 5, "{} has no corpus", target.name);
        for path in inputs {
            println!("{}", path.display());
            (target.run)(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn the_corpus_is_small_and_of_known_targets() {
    let folders = files(&corpus());
    let known = |path: &PathBuf| TARGETS.iter().any(|target| path.ends_with(target.name));
    assert!(folders.iter().all(known), "{folders:?}");
    let sizes = folders.iter().flat_map(|folder| files(folder)).map(|path| path.metadata().unwrap().len());
    let bytes: u64 = sizes.sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}
