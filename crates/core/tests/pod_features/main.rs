//! `docs/pod-features.md` has every field of a Pod, and what it says of each is true.
//!
//! Fields come from the types (`walk`). A field that works has a test that uses it; one that does not makes admission or
//! `unsupported` say exactly what its row says, and nothing is ignored that has no row.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod spoken;
mod table;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::PodSpec;
use table::{Row, State};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rows() -> Vec<Row> {
    table::read(&fs::read_to_string(repository().join("docs/pod-features.md")).unwrap())
}

/// The types whose fields must have rows: those that a field which works leads to.
fn types_in_use(fields: &walk::Fields, rows: &[Row]) -> BTreeSet<&'static str> {
    let works: BTreeSet<(&str, &str)> =
        rows.iter().filter(|row| row.state == State::Works).map(|row| (row.of.as_str(), row.field.as_str())).collect();
    let (mut found, mut open) = (BTreeSet::from(["PodSpec"]), vec!["PodSpec"]);
    while let Some(name) = open.pop() {
        for (field, below) in fields[name].iter().filter(|(field, _)| works.contains(&(name, *field))) {
            assert!(!field.is_empty());
            open.extend(below.iter().filter(|below| found.insert(*below)));
        }
    }
    found
}

#[test]
fn every_field_of_every_type_has_a_row_and_every_row_a_field() {
    let (fields, rows) = (walk::walk::<PodSpec>(), rows());
    let listed: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.of.as_str(), row.field.as_str())).collect();
    let types = types_in_use(&fields, &rows);
    let needed: BTreeSet<(&str, &str)> =
        types.iter().flat_map(|name| fields[name].keys().map(|field| (*name, *field))).collect();
    let missing: Vec<_> = needed.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&needed).collect();
    assert!(missing.is_empty(), "fields without a row in docs/pod-features.md: {missing:?}");
    assert!(unknown.is_empty(), "rows without a field, or below one that does not work: {unknown:?}");
    assert!(needed.len() > 250, "only {} fields were found", needed.len());
}

#[test]
fn a_field_that_works_has_a_test_that_uses_it() {
    let rows = rows();
    let works = rows.iter().filter(|row| row.state == State::Works);
    let unproven: Vec<String> =
        works.filter_map(|row| unproven(row).map(|why| format!("{}: {why}", row.yaml))).collect();
    assert!(unproven.is_empty(), "{unproven:#?}");
}

/// What is wrong with the test that a row names: it must be there, in a file that uses the field.
fn unproven(row: &Row) -> Option<String> {
    let Some((test, path)) = table::link(&row.says) else {
        return Some(format!("{:?} is no link to a test", row.says));
    };
    let path = repository().join("docs").join(path);
    let Ok(text) = fs::read_to_string(&path) else { return Some(format!("there is no {}", path.display())) };
    if !text.contains(&format!("fn {test}(")) {
        return Some(format!("{test} is not in {}", path.display()));
    }
    let (used, names) = ([row.field.clone(), table::snake_case(&row.field)], words(&text));
    let is_used = used.iter().any(|name| names.contains(name.as_str()));
    (!is_used).then(|| format!("{} uses neither of {used:?}", path.display()))
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

#[test]
fn a_field_that_does_not_work_says_so_in_the_words_of_its_row() {
    let rows = rows();
    let tried: Vec<&Row> = rows.iter().filter(|row| matches!(row.state, State::Error | State::Warning)).collect();
    assert!(tried.len() > 50, "only {} rows", tried.len());
    let wrong: Vec<String> = tried.into_iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the program says instead.
fn wrong(row: &Row) -> Option<String> {
    let said = spoken::of(row);
    let (right, other) = match row.state {
        State::Error => (&said.errors, &said.warnings),
        _ => (&said.warnings, &said.errors),
    };
    let is_right = right.contains(&row.says) && !other.contains(&row.says);
    (!is_right).then(|| format!("{} of {} says {said:#?}\nand not {}", row.yaml, row.of, row.says))
}

#[test]
fn what_nothing_is_done_with_is_only_this() {
    let rows = rows();
    let found: BTreeMap<String, &str> = rows
        .iter()
        .filter(|row| row.state == State::NothingToDo)
        .map(|row| (format!("{}.{}", row.of, row.field), row.says.as_str()))
        .collect();
    // A new one is a decision: does it really change nothing on a node without a cluster?
    let expected = [
        "ObjectFieldSelector.apiVersion",
        "PodSpec.enableServiceLinks",
        "PodSpec.preemptionPolicy",
        "PodSpec.priority",
        "PodSpec.tolerations",
    ];
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(found.values().all(|why| why.ends_with('.')), "{found:?}");
}
