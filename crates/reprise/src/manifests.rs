//! Reads manifests from files, folders and standard input into admitted Pods, or says all that is wrong with them.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::failure::BadInput;

/// One text to decode, and how messages name it.
pub struct Source {
    /// The file's path, or `<stdin>`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Reads all sources. A folder stands for the `.yaml`, `.yml` and `.json` files in it, by name.
///
/// # Errors
/// Everything that can't be read, one message each.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, BadInput> {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read_path(path) {
            Ok(found) => sources.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(BadInput::all(problems)) }
}

fn read_path(path: &Path) -> Result<Vec<Source>, String> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|e| format!("can't read the manifest from standard input: {e}"))?;
        return Ok(vec![Source { name: "<stdin>".to_owned(), text }]);
    }
    if path.is_dir() {
        return files_in(path)?.iter().map(|file| read_file(file)).collect();
    }
    Ok(vec![read_file(path)?])
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |e: std::io::Error| format!("can't read the folder {}: {e}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let manifest = path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known));
        if manifest && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!("{}: no .yaml, .yml or .json file in this folder", folder.display()));
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("can't read the manifest {}: {e}", path.display()))?;
    Ok(Source { name: path.display().to_string(), text })
}
