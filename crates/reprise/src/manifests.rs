//! Reads manifests from files, folders and standard input into admitted Pods, or says all that is wrong with them.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One text to decode, and how messages name it.
pub struct Source {
    /// The file's path, or `<stdin>`.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Reads all sources. A folder stands for the `.yaml`, `.yml` and `.json` files in it, by name.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("reading the manifest from standard input")?;
            sources.push(Source { name: "<stdin>".to_owned(), text });
        } else if path.is_dir() {
            for file in files_in(path)? {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("reading the folder {}", folder.display()))?.path();
        let manifest = path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known));
        if manifest && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("{}: no .yaml, .yml or .json file in this folder", folder.display());
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Source> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the manifest {}", path.display()))?;
    Ok(Source { name: path.display().to_string(), text })
}
