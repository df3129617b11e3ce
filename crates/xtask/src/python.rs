//! The Python client library that tests use, in an environment of its own below `target/`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::{repository, run};

/// What tests find the environment's Python by.
pub const VARIABLE: &str = "REPRISE_PYTHON";
/// The client library.
const PACKAGE: &str = "kubernetes";
/// Its version: the newest that was tried.
const VERSION: &str = "37.0.0";

/// The Python that has the package, once it has been fetched.
pub fn program() -> PathBuf {
    folder().join("bin/python")
}

/// Makes the environment if it is not there yet.
pub fn fetch() -> Result<()> {
    if has_package() {
        println!("==> {PACKAGE} {VERSION} for Python: there");
        return Ok(());
    }
    println!("==> {PACKAGE} {VERSION} for Python, installed in {}", folder().display());
    make().with_context(|| format!("can't get {PACKAGE} {VERSION} for Python"))
}

fn make() -> Result<()> {
    fs::create_dir_all(folder())?;
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(folder());
    run(environment)?;
    let mut pip = Command::new(program());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &format!("{PACKAGE}=={VERSION}")]);
    run(pip)?;
    ensure!(has_package(), "{} has no {PACKAGE} {VERSION}", program().display());
    Ok(())
}

fn folder() -> PathBuf {
    repository().join("target/python").join(format!("{PACKAGE}-{VERSION}"))
}

/// Whether the environment is whole: it may have been left half made.
fn has_package() -> bool {
    let check = format!("import {PACKAGE}; assert {PACKAGE}.__version__ == '{VERSION}'");
    Command::new(program()).args(["-c", &check]).output().is_ok_and(|output| output.status.success())
}
