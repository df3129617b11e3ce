//! Programs that tests and fuzzing run beside ours, installed by their Debian names where they are missing.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::cargo::run;

/// A package, recognised by a program of it.
pub struct Package {
    name: &'static str,
    program: &'static str,
    why: &'static str,
}

/// What `cargo xtask test` needs.
pub const FOR_TESTS: [Package; 10] = [
    Package { name: "busybox-static", program: "busybox", why: "a shell image without a registry" },
    Package { name: "containerd", program: "containerd", why: "the CRI runtime that ours is compared with" },
    Package { name: "containernetworking-plugins", program: "host-local", why: "networks that are not our own" },
    Package { name: "docker-registry", program: "docker-registry", why: "pulls, from loopback" },
    Package { name: "iproute2", program: "ip", why: "what a test leaves behind" },
    Package { name: "iptables", program: "iptables", why: "CNI's host ports, and ours where nft is missing" },
    Package { name: "nftables", program: "nft", why: "what a test leaves behind" },
    Package { name: "python3-venv", program: "python3", why: "a client library of another language" },
    Package { name: "redis-tools", program: "redis-cli", why: "the queue of an example" },
    Package { name: "runc", program: "runc", why: "the sequence that restarts are compared with" },
];

/// What `cargo xtask fuzz` needs.
pub const FOR_FUZZING: [Package; 1] = [Package { name: "g++", program: "g++", why: "libFuzzer is written in C++" }];

/// Where programs may be that a user's PATH leaves out.
const SYSTEM_FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/cni"];

/// Installs what is missing; says what it does.
pub fn install_missing(needed: &[Package]) -> Result<()> {
    let missing: Vec<&Package> = needed.iter().filter(|package| !is_installed(package.program)).collect();
    if missing.is_empty() {
        println!("==> packages: all there");
        return Ok(());
    }
    println!("==> packages, missing:");
    for package in &missing {
        println!("    {} ({})", package.name, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if !is_installed("apt-get") {
        bail!("no apt-get on this machine: install what Debian calls {} and run this again", names.join(" "));
    }
    install(&names)
}

/// The lists of a fresh machine are often empty or old: they are updated only if the first try fails.
fn install(names: &[&str]) -> Result<()> {
    if run(apt_install(names)).is_ok() {
        return Ok(());
    }
    println!("    not with the package lists as they are");
    run(apt(&["update"]))?;
    run(apt_install(names))
}

fn apt_install(names: &[&str]) -> Command {
    let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
    command.args(names);
    command
}

/// Waits for other installations instead of failing: two test runs may start together.
fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SYSTEM_FOLDERS.map(|folder| Path::new(folder).to_owned()));
    folders.into_iter().any(|folder| folder.join(program).is_file())
}
