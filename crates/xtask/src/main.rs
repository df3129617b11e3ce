//! Development tasks: `cargo xtask test` is the whole of testing, on a developer's machine and in CI alike.
//!
//! The repository's own rules (layers, sizes, licences, ...) are tests of this program: see `rules`.

mod bench;
mod cargo;
mod debian;
mod fuzz;
mod packages;
mod python;
#[cfg(test)]
mod rules;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of Reprise.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what the tests need, check format and lints, build, and run all tests
    Test(test::Options),
    /// Measure what the project promises, beside what does the same today
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Look for inputs that a reader of strangers' data falls over
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    // `bench cri` runs containerd below a second process of this program.
    reprise_testkit::containerd::guard_if_asked();
    let outcome = match Cli::parse().task {
        Task::Test(options) => test::run_all(&options),
        Task::Bench(bench) => bench::run(&bench),
        Task::Fuzz(options) => fuzz::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
