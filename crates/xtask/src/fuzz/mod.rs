//! `cargo xtask fuzz`: looks for inputs that no reader of strangers' data should fall over.
//!
//! The targets are in `crates/fuzz`. libFuzzer works with the stable compiler: the flags below are what `cargo fuzz` sets
//! on nightly, less the address sanitizer, which code without `unsafe` has little use for.

mod program;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::repository;
use crate::packages;
use program::Program;

/// Inputs of a target that are kept, and the longest that is added to them.
const KEPT_MAX: usize = 32;
const LENGTH_MAX: u64 = 1536;

/// Choices for `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub struct Options {
    /// Only this target, a folder in crates/fuzz/corpus
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run one input through the target, such as one that was kept after a find
    #[arg(long, requires = "target", value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Run nothing; take into the kept corpus some of what earlier runs found to reach new code
    #[arg(long)]
    minimize: bool,
    /// Install no packages
    #[arg(long)]
    no_install: bool,
}

/// Builds the targets and runs them one after the other.
pub fn run(options: &Options) -> Result<()> {
    let targets = chosen(options.target.as_deref())?;
    if !options.no_install {
        packages::install_missing(&packages::FOR_FUZZING)?;
    }
    let program = Program::build()?;
    for target in &targets {
        match &options.replay {
            Some(input) => program.replay(target, input)?,
            None if options.minimize => minimize(&program, target)?,
            None => fuzz(&program, target, options.seconds)?,
        }
    }
    Ok(())
}

/// The targets are the corpus' folders; a test holds both together.
fn chosen(wanted: Option<&str>) -> Result<Vec<String>> {
    let entries = fs::read_dir(kept("")).context("can't list the corpus")?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    match wanted {
        None => Ok(names),
        Some(wanted) if names.iter().any(|name| name == wanted) => Ok(vec![wanted.to_owned()]),
        Some(wanted) => bail!("there is no target {wanted}; there are {}", names.join(", ")),
    }
}

fn fuzz(program: &Program, target: &str, seconds: u64) -> Result<()> {
    let (grown, finds) = (grown(target)?, work("finds")?);
    let prefix = format!("{}/{target}-", finds.display());
    println!("==> fuzz {target} for {seconds} s");
    let run = program.fuzz(target, &[&grown, &kept(target)], seconds, &prefix)?;
    let report = report::Report::read(&run.words);
    println!("    {report}");
    if run.success {
        return Ok(());
    }
    let Some(input) = report.find else {
        bail!("{target} ended early:\n{}", report::last_lines(&run.words));
    };
    // Shows what it panics with, which the long run hides.
    let replayed = program.replay(target, Path::new(&input));
    let again = format!("cargo xtask fuzz {target} --replay {input}");
    bail!("{target} falls over {input}{}; again: {again}", if replayed.is_ok() { ", but not every time" } else { "" })
}

/// Adds to the kept corpus what reaches code that nothing in it reaches, as long as it stays small.
fn minimize(program: &Program, target: &str) -> Result<()> {
    let (merged, kept) = (work("merged")?.join(target), kept(target));
    remove(&merged)?;
    for path in files(&kept)? {
        copy(&path, &merged)?;
    }
    program.merge(target, &merged, &[&grown(target)?])?;
    let mut found = files(&merged)?;
    // One that is long leads further than several short ones.
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).map_or(0, |file| file.len())));
    found.retain(|path| !path.file_name().is_some_and(|name| kept.join(name).exists()));
    let room = KEPT_MAX.saturating_sub(files(&kept)?.len());
    for path in found.iter().filter(|path| fs::metadata(path).is_ok_and(|file| file.len() <= LENGTH_MAX)).take(room) {
        copy(path, &kept)?;
    }
    println!("==> {target}: {} inputs are kept, {} found reach further", files(&kept)?.len(), found.len());
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let target = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, target).with_context(|| format!("can't copy {}", file.display())).map(drop)
}

/// The corpus that is in the repository.
fn kept(target: &str) -> PathBuf {
    repository().join("crates/fuzz/corpus").join(target)
}

/// What runs on this machine have added to it.
fn grown(target: &str) -> Result<PathBuf> {
    work(&format!("corpus/{target}"))
}

fn work(name: &str) -> Result<PathBuf> {
    let folder = repository().join("target/fuzz").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    Ok(folder)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
