//! Running cargo, and saying so.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

/// The cargo that runs this program, in the repository's folder.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(repository());
    command
}

/// Runs a command with its output shown; an error if it fails.
pub fn run(mut command: Command) -> Result<()> {
    let line = line_of(&command);
    println!("==> {line}");
    let start = Instant::now();
    let status = command.status().with_context(|| format!("can't run {line}"))?;
    if !status.success() {
        bail!("failed: {line} ({status})");
    }
    println!("    {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Builds, and returns the paths of the programs named `names`, in that order.
pub fn build_programs(arguments: &[&str], names: &[&str]) -> Result<Vec<PathBuf>> {
    let artifacts = build(cargo(arguments))?;
    names.iter().map(|name| program_of(&artifacts, name)).collect()
}

/// Runs a `cargo build`; gives what it built.
pub fn build(mut command: Command) -> Result<Vec<Artifact>> {
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let line = line_of(&command);
    println!("==> {line}");
    let output = command.output().with_context(|| format!("can't run {line}"))?;
    if !output.status.success() {
        bail!("failed: {line} ({})", output.status);
    }
    let artifacts = output
        .stdout
        .split(|byte| *byte == b'\n')
        // Lines about anything else than a program don't have these fields.
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    Ok(artifacts)
}

/// The path of the program `name`.
pub fn program_of(artifacts: &[Artifact], name: &str) -> Result<PathBuf> {
    let built = artifacts.iter().find(|artifact| artifact.target.name == name && !artifact.profile.test);
    built.map(|artifact| artifact.executable.clone()).with_context(|| format!("cargo built no program {name}"))
}

/// A program that cargo reports to have built.
#[derive(Deserialize)]
pub struct Artifact {
    target: Target,
    profile: Profile,
    executable: PathBuf,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
