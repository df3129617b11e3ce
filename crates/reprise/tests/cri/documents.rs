//! `docs/cri.md` says what the tests say.

use std::collections::BTreeSet;

use crate::coverage::COVERED;
use crate::differences::{DIFFERENCES, Difference};

const DOCUMENT: &str = include_str!("../../../../docs/cri.md");

/// The lines of a table below a heading, without its head.
fn rows(heading: &str) -> Vec<&'static str> {
    let (_, section) = DOCUMENT.split_once(heading).unwrap_or_else(|| panic!("docs/cri.md has no {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.starts_with("| `")).collect()
}

fn row(difference: &Difference) -> String {
    let Difference { id, ours, containerd, reason } = difference;
    format!("| `{id}` | {ours} | {containerd} | {reason} |")
}

pub fn check_differences() {
    let expected: Vec<String> = DIFFERENCES.iter().map(row).collect();
    let written = rows("## Differences to containerd");
    let text = format!("the table should be\n\n{}\n", expected.join("\n"));
    assert_eq!(written, expected, "{text}");
    let ids: BTreeSet<&str> = DIFFERENCES.iter().map(|difference| difference.id).collect();
    assert_eq!(ids.len(), DIFFERENCES.len(), "no difference is listed twice");
    let (cases, sources) = (crate::names().collect::<BTreeSet<_>>(), sources());
    for id in ids {
        let is_asked_for = sources.contains(&format!("differs(\"{id}\")"));
        assert!(cases.contains(id) || is_asked_for, "{id} is neither a case nor an aspect of one");
    }
}

/// All that the cases are made of.
fn sources() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cri");
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    files.filter(|file| file.is_file()).map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

pub fn check_calls() {
    let written: BTreeSet<&str> = rows("## Calls").iter().filter_map(|row| row.split('`').nth(1)).collect();
    let calls: BTreeSet<&str> = COVERED.iter().map(|covered| covered.call).collect();
    assert_eq!(written, calls);
}
