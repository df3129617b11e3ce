//! What a folder takes on disk. Counting looks at every file, so an answer serves for a while.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::engine::now;

/// How old an answer may be; what a kubelet waits between two questions is of that order.
const KEPT: Duration = Duration::from_secs(10);

/// A folder that is measured now and then.
pub struct FolderUsage {
    folder: PathBuf,
    last: Mutex<Option<Measured>>,
}

#[derive(Clone, Copy)]
struct Measured {
    bytes: u64,
    inodes: u64,
    at: i64,
    taken: Instant,
}

impl FolderUsage {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, last: Mutex::new(None) }
    }

    /// Bytes and files, and when they were counted in nanoseconds since 1970. Blocks while they are; several callers
    /// wait for one count.
    pub fn get(&self) -> (u64, u64, i64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = match *last {
            Some(measured) if measured.taken.elapsed() < KEPT => measured,
            _ => *last.insert(measure(&self.folder)),
        };
        (measured.bytes, measured.inodes, measured.at)
    }
}

fn measure(folder: &Path) -> Measured {
    let mut count = Count::default();
    count.walk(folder);
    Measured { bytes: count.bytes, inodes: count.inodes, at: now(), taken: Instant::now() }
}

#[derive(Default)]
struct Count {
    bytes: u64,
    inodes: u64,
    /// Files with several names count once.
    linked: HashSet<(u64, u64)>,
}

impl Count {
    /// Containers write and go while this looks: what vanishes is not counted.
    fn walk(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let Ok(stat) = entry.metadata() else { continue };
            if !stat.is_dir() && stat.nlink() > 1 && !self.linked.insert((stat.dev(), stat.ino())) {
                continue;
            }
            self.bytes += stat.blocks() * 512;
            self.inodes += 1;
            if stat.is_dir() {
                self.walk(&entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_with_their_blocks_and_once_however_many_names_they_have() {
        let folder = std::env::temp_dir().join(format!("reprise-usage-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/file"), vec![1; 100_000]).unwrap();
        fs::hard_link(folder.join("a/b/file"), folder.join("a/again")).unwrap();
        std::os::unix::fs::symlink("/", folder.join("link")).unwrap();
        // Blocks are given out when the file is written back.
        fs::File::open(folder.join("a/b/file")).unwrap().sync_all().unwrap();
        let usage = FolderUsage::new(folder.clone());
        let (bytes, inodes, _) = usage.get();
        assert_eq!(inodes, 4);
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(usage.get().1, 4, "an answer serves for a while");
        assert_eq!(FolderUsage::new(folder).get().1, 0);
    }
}
