//! What a Pod has on disk: emptyDir volumes, files made from objects, logs. What its containers have written elsewhere is
//! known to the runtime.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::ephemeral_storage::StorageUse;
use reprise_core::roles;

use super::empty_dir;
use crate::paths::PodPaths;

/// Measures it and adds the `layers` of its containers.
pub(crate) fn of_pod(pod: &Pod, paths: &PodPaths, layers: BTreeMap<String, u64>) -> io::Result<StorageUse> {
    let mut used = StorageUse { containers: layers, ..StorageUse::default() };
    for volume in pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        if volume.empty_dir.as_ref().is_some_and(|source| !empty_dir::is_memory(source)) {
            used.empty_dirs.insert(volume.name.clone(), allocated(&paths.empty_dir(&volume.name))?);
        }
    }
    for container in roles::containers(pod) {
        *used.containers.entry(container.name().to_owned()).or_default() +=
            allocated(&paths.logs().join(container.name()))?;
    }
    let others = allocated(&paths.volumes())? + fs::metadata(paths.etc_hosts()).map_or(0, |about| about.blocks() * 512);
    used.total = used.containers.values().sum::<u64>() + others;
    Ok(used)
}

/// The bytes that a tree takes on its file system, each inode once, without what is mounted in it: what is in memory, and
/// what belongs to others.
fn allocated(root: &Path) -> io::Result<u64> {
    let device = match fs::symlink_metadata(root) {
        Ok(about) => about.dev(),
        // A container that writes no log has none.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e),
    };
    let (mut total, mut seen, mut folders) = (0_u64, HashSet::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Containers go on while we look.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            let Ok(about) = entry.metadata() else { continue };
            if about.dev() != device || (about.nlink() > 1 && !about.is_dir() && !seen.insert(about.ino())) {
                continue;
            }
            total += about.blocks() * 512;
            if about.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::NodePaths;
    use serde_json::json;

    #[test]
    fn volumes_and_logs_are_counted_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u"},
            "spec": {"containers": [{"name": "c"}, {"name": "d"}], "volumes": [{"name": "x", "emptyDir": {}}]}
        }))
        .unwrap();
        let paths = NodePaths::new(folder.path()).pod(&pod);
        let volume = paths.empty_dir("x");
        fs::create_dir_all(volume.join("deep")).unwrap();
        fs::write(volume.join("deep/file"), vec![1; 500_000]).unwrap();
        fs::hard_link(volume.join("deep/file"), volume.join("again")).unwrap();
        fs::create_dir_all(paths.logs().join("c")).unwrap();
        fs::write(paths.log("c", 0), vec![1; 300_000]).unwrap();
        let used = of_pod(&pod, &paths, [("c".to_owned(), 1_000_000)].into()).unwrap();
        assert!((500_000..600_000).contains(&used.empty_dirs["x"]), "{used:?}");
        assert!((1_300_000..1_400_000).contains(&used.containers["c"]), "{used:?}");
        assert_eq!(used.containers["d"], 0);
        assert!((1_800_000..2_000_000).contains(&used.total), "{used:?}");
    }
}
