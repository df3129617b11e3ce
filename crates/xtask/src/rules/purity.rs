//! What decides, decides from values alone: the same inputs give the same plan after a crash, in the simulator and in tests.

use super::sources::{Source, rust_sources};

/// What would make an answer depend on something else than its inputs, or change something.
const IMPURE: [&str; 14] = [
    "tokio",
    "async fn",
    ".await",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::sync::Mutex",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "println!",
];

fn is_pure(source: &Source) -> bool {
    ["core", "jobset"].contains(&source.crate_folder())
}

#[test]
fn core_and_jobset_know_no_files_clocks_threads_or_async() {
    for source in rust_sources().iter().filter(|source| is_pure(source) && !source.is_test()) {
        for (number, line) in source.shipped_lines() {
            for word in IMPURE {
                assert!(!line.contains(word), "{}:{number} uses {word}", source.path.display());
            }
        }
    }
}
