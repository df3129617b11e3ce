//! Nothing depends upward (see ARCHITECTURE.md).

use super::metadata::{Package, metadata};

/// Each crate and the workspace crates that it may depend on. A crate that is not listed is not allowed.
const LAYERS: [(&str, &[&str]); 18] = [
    ("reprise-core", &[]),
    ("reprise-cri", &["reprise-core"]),
    ("reprise-cgroups", &["reprise-cri"]),
    ("reprise-api", &["reprise-core", "reprise-jobset"]),
    ("reprise-cluster", &["reprise-core", "reprise-node"]),
    ("reprise-controllers", &["reprise-core", "reprise-jobset"]),
    ("reprise-device-plugin", &["reprise-cri"]),
    ("reprise-hollow", &["reprise-cluster", "reprise-cri", "reprise-jobset", "reprise-node"]),
    ("reprise-images", &[]),
    ("reprise-jobset", &["reprise-core"]),
    ("reprise-restart-agent", &["reprise-jobset"]),
    ("reprise-streaming", &[]),
    ("reprise-runtime", &["reprise-cgroups", "reprise-cri", "reprise-images", "reprise-streaming"]),
    ("reprise-node", &["reprise-cgroups", "reprise-core", "reprise-cri", "reprise-device-plugin", "reprise-streaming"]),
    (
        "reprise",
        &[
            "reprise-api",
            "reprise-cluster",
            "reprise-controllers",
            "reprise-core",
            "reprise-cri",
            "reprise-hollow",
            "reprise-images",
            "reprise-jobset",
            "reprise-streaming",
            "reprise-runtime",
            "reprise-node",
        ],
    ),
    ("reprise-testkit", &[]),
    ("reprise-fuzz", &["reprise-api", "reprise-images", "reprise-streaming", "reprise-runtime"]),
    ("xtask", &["reprise-cri", "reprise-testkit"]),
];

/// What tests may use beside that: a node of their own, and for what talks to an API, one.
const TEST_ONLY: [(&str, &str); 4] = [
    ("reprise", "reprise-testkit"),
    ("reprise-cluster", "reprise-api"),
    ("reprise-cluster", "reprise-cri"),
    ("reprise-controllers", "reprise-api"),
];

/// The pure crates, and what each may use beside what both may.
const PURE: [(&str, &[&str]); 2] =
    [("reprise-core", &[]), ("reprise-jobset", &["regex", "reprise-core", "schemars", "sha1"])];

/// What they may use from outside: types, parsing and arithmetic. Nothing that knows files, sockets or threads.
const PURE_USES: [&str; 8] =
    ["base64", "granit-parser", "jiff", "k8s-openapi", "serde", "serde_json", "sha2", "thiserror"];

#[test]
fn crates_depend_only_on_the_layers_below_them() {
    for package in metadata().members() {
        let layer = LAYERS.iter().find(|(name, _)| *name == package.name);
        let (_, allowed) = layer.unwrap_or_else(|| panic!("{} has no place among the layers", package.name));
        for (name, is_dev) in workspace_dependencies(package) {
            let is_test_only = is_dev && TEST_ONLY.contains(&(package.name.as_str(), name));
            assert!(allowed.contains(&name) || is_test_only, "{} must not depend on {name}", package.name);
        }
    }
}

#[test]
fn what_is_pure_uses_no_library_that_does_io() {
    for (pure, more) in PURE {
        let package = metadata().members().find(|package| package.name == pure).unwrap();
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.is_none()) {
            let name = dependency.name.as_str();
            assert!(PURE_USES.contains(&name) || more.contains(&name), "{pure} must not depend on {name}");
        }
    }
}

#[test]
fn nothing_comes_from_a_git_repository() {
    for package in metadata().members() {
        for dependency in &package.dependencies {
            let from_git = dependency.source.as_deref().is_some_and(|source| source.starts_with("git"));
            assert!(!from_git, "{} takes {} from git", package.name, dependency.name);
        }
    }
}

fn workspace_dependencies(package: &Package) -> impl Iterator<Item = (&str, bool)> {
    let ours = |name: &str| LAYERS.iter().any(|(layer, _)| *layer == name);
    let dependencies = package.dependencies.iter().filter(move |dependency| ours(&dependency.name));
    dependencies.map(|dependency| (dependency.name.as_str(), dependency.kind.as_deref() == Some("dev")))
}
