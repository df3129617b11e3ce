//! `cargo xtask test`: everything that has to hold before a change is good.
//!
//! Tests run a `reprise` with fault points in it, at which they kill the agent. One feature set for building and
//! testing means that nothing is built twice; the lints see the program as it ships, without them.

use anyhow::Result;
use clap::Args;

use crate::cargo::{build_programs, cargo, run};
use crate::{debian, packages, python};

/// What is built and tested.
const WORKSPACE: [&str; 3] = ["--workspace", "--features", "reprise/fault-points"];

/// Choices for `cargo xtask test`.
#[derive(Debug, Args)]
pub struct Options {
    /// Install no packages and fetch none; tests that need a missing one fail
    #[arg(long)]
    no_install: bool,
    /// Given to the test programs, such as part of a test's name
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs all steps; the first that fails ends it.
pub fn run_all(options: &Options) -> Result<()> {
    if !options.no_install {
        packages::install_missing(&packages::FOR_TESTS)?;
        debian::PACKAGES.into_iter().try_for_each(debian::Package::fetch)?;
        python::fetch()?;
    }
    run(cargo(&["fmt", "--all", "--check"]))?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    let build = [&["build", "--all-targets"], &WORKSPACE[..]].concat();
    let programs = build_programs(&build, &["reprise", "testload", "sample-device-plugin"])?;

    // One run tells all that fails.
    let mut test = cargo(&[&["test", "--no-fail-fast"], &WORKSPACE[..], &["--"]].concat());
    test.args(&options.arguments);
    let variables = ["REPRISE_BIN", "REPRISE_TESTLOAD", "REPRISE_SAMPLE_DEVICE_PLUGIN"];
    test.envs(variables.iter().zip(&programs));
    test.envs(debian::PACKAGES.map(|package| (package.variable, package.programs())));
    test.env(python::VARIABLE, python::program());
    run(test)
}
