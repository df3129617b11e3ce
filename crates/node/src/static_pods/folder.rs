//! The manifests in a folder, each with the Pods that it last named when it could be understood.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;

/// What editors and tools call files that are not there for others to read.
const PASSING_ENDS: [&str; 6] = ["~", ".tmp", ".swp", ".swx", ".bak", ".part"];

/// A manifest.
#[derive(Debug, Default)]
struct File {
    /// As it was read last.
    text: String,
    /// Of the last text that could be understood; none if there was none.
    pods: Option<Vec<Pod>>,
}

/// A folder and what is known of it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    files: BTreeMap<PathBuf, File>,
    /// It could be read when it was looked at last.
    readable: bool,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, files: BTreeMap::new(), readable: false }
    }

    /// Takes in what has changed. `understand` makes Pods of a text and the name of its file; what is wrong is returned.
    pub(super) fn look(&mut self, understand: impl Fn(&str, &str) -> Result<Vec<Pod>, Vec<String>>) -> Vec<String> {
        let found = match files_at(&self.path) {
            Ok(found) => found,
            Err(error) => {
                self.readable = false;
                return vec![format!("{}: can't be read: {error}", self.path.display())];
            }
        };
        self.readable = true;
        self.files.retain(|path, _| found.contains(path));
        let mut problems = Vec::new();
        for path in found {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                // It went between listing and reading.
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    self.files.remove(&path);
                    continue;
                }
                Err(error) => {
                    self.files.entry(path.clone()).or_default();
                    problems.push(format!("{}: can't be read: {error}", path.display()));
                    continue;
                }
            };
            let file = self.files.entry(path.clone()).or_default();
            if file.pods.is_some() && file.text == text {
                continue;
            }
            match understand(&text, &path.display().to_string()) {
                Ok(pods) => file.pods = Some(pods),
                Err(wrong) => problems.extend(wrong),
            }
            file.text = text;
        }
        problems
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.files.values().filter_map(|file| file.pods.as_ref()).flatten()
    }

    /// Whether all Pods of the folder are known. A file that could never be understood may be that of a Pod from before
    /// the agent started.
    pub(super) fn is_known(&self) -> bool {
        self.readable && self.files.values().all(|file| file.pods.is_some())
    }
}

/// The manifests at `path`: those in a folder, or the file itself. None if there is nothing.
fn files_at(path: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(vec![path.to_owned()]),
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if is_manifest(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !name.starts_with(['.', '#']) && !PASSING_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand(text: &str, file: &str) -> Result<Vec<Pod>, Vec<String>> {
        if text.starts_with("broken") {
            return Err(vec![format!("{file}: broken")]);
        }
        let metadata = serde_json::json!({"metadata": {"name": text}});
        Ok(vec![serde_json::from_value(metadata).unwrap()])
    }

    fn names(folder: &Folder) -> Vec<String> {
        folder.pods().map(|pod| pod.metadata.name.clone().unwrap()).collect()
    }

    #[test]
    fn a_broken_file_keeps_its_pod_and_disturbs_no_other() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
        let mut folder = Folder::new(place.path().to_owned());
        file("a.yaml", "a");
        file("b.manifest", "b");
        assert_eq!(folder.look(understand), [] as [&str; 0]);
        assert!(names(&folder) == ["a", "b"] && folder.is_known());
        file("a.yaml", "broken");
        file("b.manifest", "c");
        assert_eq!(folder.look(understand).len(), 1);
        assert!(names(&folder) == ["a", "c"] && folder.is_known());
        fs::remove_file(place.path().join("a.yaml")).unwrap();
        folder.look(understand);
        assert_eq!(names(&folder), ["c"]);
    }

    #[test]
    fn a_file_that_was_never_understood_leaves_it_open_what_the_folder_has() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.yaml"), "broken").unwrap();
        let mut folder = Folder::new(place.path().to_owned());
        folder.look(understand);
        assert!(!folder.is_known());
    }

    #[test]
    fn what_editors_leave_is_no_manifest_and_no_folder_is_an_empty_one() {
        let place = tempfile::tempdir().unwrap();
        for name in [".a.yaml.swp", "a.yaml~", "#a.yaml#", ".hidden", "a.tmp"] {
            fs::write(place.path().join(name), "x").unwrap();
        }
        let mut folder = Folder::new(place.path().to_owned());
        assert!(folder.look(understand).is_empty() && names(&folder).is_empty());
        let mut missing = Folder::new(place.path().join("missing"));
        assert!(missing.look(understand).is_empty() && missing.is_known());
    }
}
