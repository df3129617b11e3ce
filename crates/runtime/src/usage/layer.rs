//! What a container has written on top of its image.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes on disk and files of a folder.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    pub bytes: u64,
    pub inodes: u64,
}

const BLOCK: u64 = 512;

/// Walks `folder`. What goes away meanwhile is not counted.
pub fn measure(folder: &Path) -> Layer {
    let mut layer = Layer::default();
    let mut linked = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.nlink() > 1 && !linked.insert(metadata.ino()) {
                continue;
            }
            layer.bytes += metadata.blocks() * BLOCK;
            layer.inodes += 1;
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once() {
        let folder = std::env::temp_dir().join(format!("reprise-layer-{}", std::process::id()));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(folder.join("a/f"), vec![1; 10_000]).unwrap();
        fs::hard_link(folder.join("a/f"), folder.join("g")).unwrap();
        let layer = measure(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(layer.inodes, 2);
        assert!(layer.bytes >= 10_000 && layer.bytes < 100_000, "{layer:?}");
    }
}
