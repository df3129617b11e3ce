//! The `kubernetes` package of Python.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use reprise_testkit::Node;
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};

use super::up::Up;

/// What tells where the Python is that has the package.
const VARIABLE: &str = "REPRISE_PYTHON";
/// Seconds that the whole script may take.
const SECONDS: &str = "240";

#[test]
fn the_python_client_does_the_same() {
    let python = PathBuf::from(env::var_os(VARIABLE).unwrap_or_default());
    assert!(python.is_file(), "no {}: run `cargo xtask test`, which sets {VARIABLE}", python.display());
    let node = Node::new();
    node.import(&TestImage::busybox().unwrap());
    let up = Up::start(&node, &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/client_libraries/scenario.py");
    let mut command = Command::new("timeout");
    command.args(["--foreground", SECONDS]).arg(python).arg("-I").arg(script);
    command.arg(up.kubeconfig()).arg(BUSYBOX_IMAGE).env("HOME", node.scratch());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).ends_with("all done\n"), "{}", text(&output.stdout));
}
