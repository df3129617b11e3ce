//! What all benchmarks are told, and do first.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::build_programs;
use crate::packages;

/// Choices that every benchmark has.
#[derive(Debug, Args)]
pub struct Setup {
    /// End with one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Install no packages
    #[arg(long)]
    no_install: bool,
    /// Measure this program instead of building one
    #[arg(long, value_name = "REPRISE")]
    program: Option<PathBuf>,
}

impl Setup {
    /// Installs what is missing; the program that is to be measured.
    pub fn program(&self) -> Result<PathBuf> {
        if !self.no_install {
            packages::install_missing(&packages::FOR_TESTS)?;
        }
        match &self.program {
            Some(program) => program.canonicalize().with_context(|| format!("no program {}", program.display())),
            None => Ok(build_programs(&["build", "--release", "--package", "reprise"], &["reprise"])?.swap_remove(0)),
        }
    }
}
