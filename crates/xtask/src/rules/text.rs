//! What may not stand in a source file, and how long one may be.

use super::sources::rust_sources;

/// The longest a file may be, in lines; most should be under 200.
const LONGEST: usize = 700;

/// Marks of something unfinished, spelt so that this file has none of them.
const UNFINISHED: [&str; 4] =
    [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("db", "g!("), concat!("FIX", "ME")];

/// Module names that say nothing about what a module decides or does.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "misc"];

#[test]
fn no_file_is_longer_than_can_be_read_in_one_go() {
    for source in rust_sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", source.path.display());
    }
}

#[test]
fn most_files_are_short() {
    let mut lengths: Vec<usize> = rust_sources().iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < 200, "the median file has {median} lines");
}

#[test]
fn nothing_is_marked_as_unfinished() {
    for source in rust_sources() {
        for mark in UNFINISHED {
            assert!(!source.text.contains(mark), "{} holds {mark}", source.path.display());
        }
    }
}

#[test]
fn modules_are_named_for_what_they_do() {
    for source in rust_sources() {
        let name = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(!EMPTY_NAMES.contains(&name.as_str()), "{}", source.path.display());
    }
}

#[test]
fn unsafe_code_is_allowed_in_the_runtime_only() {
    let allowance = concat!("allow(unsafe", "_code)");
    for source in rust_sources() {
        if source.text.contains(allowance) {
            assert_eq!(source.crate_folder(), "runtime", "{}", source.path.display());
        }
    }
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    for source in rust_sources().iter().filter(|source| source.crate_folder() == "runtime") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if code.contains("unsafe {") {
                let near = &lines[index.saturating_sub(8)..=index];
                let explained = near.iter().any(|line| line.contains("SAFETY:"));
                assert!(explained, "{}:{} has no SAFETY comment", source.path.display(), index + 1);
            }
        }
    }
}
