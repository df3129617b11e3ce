//! How much the Pod's emptyDir volumes hold, against their `sizeLimit`. A volume in memory can't hold more than its
//! limit, one on disk can: then the Pod is evicted.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;

use super::empty_dir;
use crate::paths::PodPaths;
use crate::quantity;

/// Whether the Pod has a volume that must be measured.
pub(crate) fn needs_measuring(pod: &Pod) -> bool {
    limited(pod).next().is_some()
}

/// The kubelet's message if a volume holds more than it may.
pub(crate) fn exceeded(pod: &Pod, paths: &PodPaths) -> io::Result<Option<String>> {
    for (name, limit, text) in limited(pod) {
        if allocated(&paths.empty_dir(name))? > limit {
            return Ok(Some(format!("Usage of EmptyDir volume \"{name}\" exceeds the limit \"{text}\". ")));
        }
    }
    Ok(None)
}

/// Name, limit in bytes and limit as written of each volume on disk that has one.
fn limited(pod: &Pod) -> impl Iterator<Item = (&str, u64, &str)> {
    pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).filter_map(|volume| {
        let source = volume.empty_dir.as_ref().filter(|s| !empty_dir::is_memory(s))?;
        let limit = source.size_limit.as_ref()?;
        let bytes = quantity::value(limit).and_then(|b| u64::try_from(b).ok()).filter(|b| *b > 0)?;
        Some((volume.name.as_str(), bytes, limit.0.as_str()))
    })
}

/// The bytes that a tree takes on its file system, each inode once, without what is mounted in it.
fn allocated(root: &Path) -> io::Result<u64> {
    let device = fs::symlink_metadata(root)?.dev();
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
    fn a_volume_beyond_its_limit_is_named_with_the_limit_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"uid": "u"},
            "spec": {"containers": [], "volumes": [{"name": "x", "emptyDir": {"sizeLimit": "1Mi"}}]}
        }))
        .unwrap();
        let paths = NodePaths::new(folder.path()).pod(&pod);
        let volume = paths.empty_dir("x");
        fs::create_dir_all(volume.join("deep")).unwrap();
        fs::write(volume.join("deep/small"), vec![1; 500_000]).unwrap();
        assert_eq!(exceeded(&pod, &paths).unwrap(), None);
        fs::write(volume.join("large"), vec![1; 700_000]).unwrap();
        let message = exceeded(&pod, &paths).unwrap().unwrap();
        assert_eq!(message, "Usage of EmptyDir volume \"x\" exceeds the limit \"1Mi\". ");
    }
}
