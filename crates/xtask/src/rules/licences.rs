//! Everything that is built in is under a permissive licence, or is an exception that `deny.toml` gives a reason for.
//!
//! `cargo deny check` does the same and more; this needs nothing installed and reads the same file.

use std::collections::BTreeSet;
use std::fs;

use super::metadata::metadata;
use super::spdx::is_met;
use crate::cargo::repository;

#[test]
fn every_dependency_is_under_a_licence_that_deny_toml_allows() {
    let rules = fs::read_to_string(repository().join("deny.toml")).unwrap();
    let allowed = quoted(between(&rules, "\nallow = [", "]"));
    assert!(allowed.contains("Apache-2.0"), "the list in deny.toml was not understood");
    let excepted = excepted_crates(&rules);

    let mut refused = Vec::new();
    for package in metadata().used() {
        let expression = package.license.as_deref().unwrap_or("none given");
        if !is_met(expression, &|name| allowed.contains(name)) && !excepted.contains(package.name.as_str()) {
            refused.push(format!("{} {}: {expression}", package.name, package.version));
        }
    }
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
}

#[test]
fn every_exception_in_deny_toml_is_still_needed() {
    let rules = fs::read_to_string(repository().join("deny.toml")).unwrap();
    let used: BTreeSet<&str> = metadata().used().iter().map(|package| package.name.as_str()).collect();
    for name in excepted_crates(&rules) {
        assert!(used.contains(name), "deny.toml excepts {name}, which nothing uses any more");
    }
}

/// Crates with an exception: `{ crate = "name", allow = [...] }`.
fn excepted_crates(rules: &str) -> BTreeSet<&str> {
    let exceptions = between(rules, "\nexceptions = [", "\n]");
    exceptions.split("crate = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(middle, _)| middle)
}

fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('"').skip(1).step_by(2).collect()
}
