//! The repository's own source files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::repository;

/// A source file, its path relative to the repository.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// The crate's folder name: `core` for `crates/core/src/plan.rs`.
    pub fn crate_folder(&self) -> &str {
        self.path.components().nth(1).and_then(|part| part.as_os_str().to_str()).unwrap_or("")
    }

    /// Whether the whole file is only for tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let in_folder = self.path.iter().any(|part| part == "tests" || part == "benches");
        in_folder || name == "tests" || name.ends_with("_tests")
    }

    /// Lines of code that ship, with their numbers: comments, and a test module at the end, left out.
    pub fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let shipped = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]");
        shipped.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// All Rust files of all crates.
pub fn rust_sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&repository().join("crates"), &mut found);
    assert!(found.len() > 20, "sources were not found");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(repository()).unwrap().to_owned(), text });
        }
    }
}
