//! Builds the restart agent, which `reprise` has in it as an image: one program stays one file.
//!
//! The agent is built by a cargo of its own, as its profile (small, no unwinding) is another one. The target folder is this build
//! script's own, so the two never wait for each other. Nothing is fetched that the lock file does not name.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "reprise-restart-agent";
const PROGRAM: &str = "restart-agent";
/// The profile, of the workspace's manifest.
const PROFILE: &str = "restart-agent";
/// All that the agent is made of, from the workspace's folder on. Changes of the lock file are in these builds too.
const SOURCES: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "crates/restart-agent/Cargo.toml",
    "crates/restart-agent/src",
    "crates/jobset",
];
/// What cargo tells build scripts about this build, by how the variables' names begin. None of it is about the agent's build.
const OF_THIS_BUILD: [&str; 9] = [
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_ENCODED_",
    "CLIPPY_",
    "DEP_",
    "RUSTC",
];
/// The same, by their whole names. With RUSTFLAGS the flags of `.cargo/config.toml` would not count, which make it static.
const ALSO_OF_THIS_BUILD: [&str; 16] = [
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_TMPDIR",
    "DEBUG",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    let (target, folder) = (env::var("TARGET")?, PathBuf::from(env::var("OUT_DIR")?).join("restart-agent"));
    let mut command = Command::new(env::var("CARGO")?);
    command.args(["build", "--quiet", "--locked", "--package", PACKAGE, "--profile", PROFILE, "--target", &target]);
    command.arg("--target-dir").arg(&folder).current_dir(&workspace);
    env::vars_os().filter(|(name, _)| is_of_this_build(&name.to_string_lossy())).for_each(|(name, _)| {
        command.env_remove(name);
    });
    let status = command.status()?;
    if !status.success() {
        return Err(format!("the restart agent could not be built ({status}): {command:?}").into());
    }
    let program = folder.join(&target).join(PROFILE).join(PROGRAM);
    require(&program)?;
    println!("cargo::rustc-env=RESTART_AGENT={}", program.display());
    Ok(())
}

fn is_of_this_build(name: &str) -> bool {
    OF_THIS_BUILD.iter().any(|begin| name.starts_with(begin)) || ALSO_OF_THIS_BUILD.contains(&name)
}

fn require(program: &Path) -> Result<(), Box<dyn Error>> {
    if program.is_file() { Ok(()) } else { Err(format!("{} was not built", program.display()).into()) }
}
