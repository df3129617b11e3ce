//! How full the node's file system is, and what logs take of it.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::statvfs;
use serde_json::{Value, json};

/// The file system that `folder` is on; none if it can't be asked.
pub(super) fn file_system(folder: &Path) -> Option<Value> {
    let about =
        statvfs(folder).inspect_err(|error| tracing::debug!(%error, "the file system can't be measured")).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(json!({
        "time": Timestamp::now(),
        "availableBytes": bytes(about.f_bavail),
        "capacityBytes": bytes(about.f_blocks),
        "usedBytes": bytes(about.f_blocks.saturating_sub(about.f_bfree)),
        "inodesFree": about.f_favail,
        "inodes": about.f_files,
        "inodesUsed": about.f_files.saturating_sub(about.f_ffree),
    }))
}

/// What the files in a container's log folder take, on the file system that it is on.
pub(super) fn logs(folder: &Path) -> Option<Value> {
    let files = fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.metadata().ok());
    let (bytes, count) = files
        .filter(fs::Metadata::is_file)
        .fold((0, 0_u64), |(bytes, count), about| (about.len().saturating_add(bytes), count + 1));
    let mut usage = file_system(folder)?;
    usage["usedBytes"] = json!(bytes);
    usage["inodesUsed"] = json!(count);
    Some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_folder_is_the_sum_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("0.log"), "12345").unwrap();
        fs::write(folder.path().join("1.log"), "123").unwrap();
        let usage = logs(folder.path()).unwrap();
        assert_eq!((&usage["usedBytes"], &usage["inodesUsed"]), (&json!(8), &json!(2)));
        assert!(usage["capacityBytes"].as_u64() > usage["availableBytes"].as_u64());
        assert!(logs(Path::new("/not/there")).is_none());
    }
}
