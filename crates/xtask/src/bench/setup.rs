//! What all benchmarks are told, and do first.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::facts::Machine;
use super::interruption::Interruption;
use crate::cargo::build_programs;
use crate::packages;

/// Choices that every benchmark has.
#[derive(Debug, Args)]
pub struct Setup {
    /// End with one line of JSON
    #[arg(long)]
    json: bool,
    /// Install no packages
    #[arg(long)]
    no_install: bool,
    /// Measure this program instead of building one
    #[arg(long, value_name = "REPRISE")]
    program: Option<PathBuf>,
}

/// What a benchmark has once it has begun.
#[derive(Debug)]
pub struct Begun {
    /// What is measured.
    pub program: PathBuf,
    /// Whether the user wants it to end.
    pub interruption: Interruption,
    /// Where it is measured.
    pub machine: Machine,
}

impl Setup {
    /// Installs and builds what is needed. From here on Ctrl-C is only taken note of.
    pub fn begin(&self) -> Result<Begun> {
        Ok(Begun { program: self.program()?, interruption: Interruption::watch()?, machine: Machine::read() })
    }

    /// Prints what was measured and whether the targets are met, for people and, if that is asked for, as JSON.
    pub fn print(&self, report: &impl Display, to_json: impl FnOnce() -> String) {
        println!("{report}");
        if self.json {
            println!("{}", to_json());
        }
    }

    fn program(&self) -> Result<PathBuf> {
        if !self.no_install {
            packages::install_missing(&packages::FOR_TESTS)?;
        }
        match &self.program {
            Some(program) => program.canonicalize().with_context(|| format!("no program {}", program.display())),
            None => Ok(build_programs(&["build", "--release", "--package", "reprise"], &["reprise"])?.swap_remove(0)),
        }
    }
}
