//! Where the programs under test are.
//!
//! Tests run what was built beside them, or what `REPRISE_BIN`, `REPRISE_TESTLOAD` and `REPRISE_SAMPLE_DEVICE_PLUGIN` name:
//! `cargo xtask test` sets them, to a `reprise` that was built with fault points.

use std::env;
use std::path::PathBuf;

/// The `reprise` program: `$REPRISE_BIN`, or beside the test program's folder.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn reprise_path() -> PathBuf {
    find("REPRISE_BIN", "reprise", "cargo build -p reprise --features fault-points")
}

/// The `testload` program: `$REPRISE_TESTLOAD`, or beside the test program's folder.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn testload_path() -> PathBuf {
    find("REPRISE_TESTLOAD", "testload", "cargo build -p reprise-testkit")
}

/// The sample device plugin: `$REPRISE_SAMPLE_DEVICE_PLUGIN`, or among the examples beside the test program's folder.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn sample_device_plugin_path() -> PathBuf {
    find(
        "REPRISE_SAMPLE_DEVICE_PLUGIN",
        "examples/sample-device-plugin",
        "cargo build -p reprise-device-plugin --examples",
    )
}

/// The `containerd-guard` program, beside `testload`.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn guard_path() -> PathBuf {
    let path = testload_path().with_file_name("containerd-guard");
    assert!(path.is_file(), "{} is not there: build it with `cargo build -p reprise-testkit`", path.display());
    path
}

fn find(variable: &str, name: &str, build: &str) -> PathBuf {
    let path = match env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => beside_tests(name),
    };
    assert!(
        path.is_file(),
        "{} is not there: build it with `{build}`, set {variable}, or run `cargo xtask test`",
        path.display()
    );
    path
}

/// Test programs are built in `<target>/debug/deps`, programs in `<target>/debug`.
fn beside_tests(name: &str) -> PathBuf {
    let mut folder = env::current_exe().unwrap_or_default();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder.join(name)
}
