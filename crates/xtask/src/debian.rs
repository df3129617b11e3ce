//! Packages of a newer Debian, unpacked below `target/` and not installed: for tests with a runtime that this Debian does
//! not have. The machine's own package lists are neither read nor changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::{repository, run};

/// Where packages come from if the machine does not say.
const MIRROR: &str = "http://deb.debian.org/debian";
/// Proves that packages are Debian's; part of every Debian.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A package that tests use, with the program that they use it for.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    suite: &'static str,
    name: &'static str,
    program: &'static str,
    /// What tests find the program's folder by.
    pub variable: &'static str,
}

/// All of them.
pub const PACKAGES: [Package; 3] = [NEWER_CONTAINERD, KUBECTL, NEWER_KUBECTL];

/// containerd 2 of what the next Debian will be.
const NEWER_CONTAINERD: Package =
    Package { suite: "testing", name: "containerd", program: "containerd", variable: "REPRISE_NEWER_CONTAINERD" };
/// kubectl 1.32.
const KUBECTL: Package = Package { suite: "trixie", name: "kubectl", program: "kubectl", variable: "REPRISE_KUBECTL" };
/// kubectl 1.36 or newer.
const NEWER_KUBECTL: Package =
    Package { suite: "testing", name: "kubectl", program: "kubectl", variable: "REPRISE_NEWER_KUBECTL" };

impl Package {
    /// Where its programs are, once it has been fetched.
    pub fn programs(self) -> PathBuf {
        self.folder().join("usr/bin")
    }

    /// Fetches it if it is not there yet.
    pub fn fetch(self) -> Result<()> {
        let Self { suite, name, program, .. } = self;
        let program = self.programs().join(program);
        if program.is_file() {
            println!("==> {name} of Debian {suite}: there");
            return Ok(());
        }
        self.download().with_context(|| format!("can't get {name} of Debian {suite}"))?;
        ensure!(program.is_file(), "the package has no {}", program.display());
        Ok(())
    }

    fn folder(self) -> PathBuf {
        repository().join("target").join(format!("debian-{}", self.suite)).join(self.name)
    }

    /// Downloads a package and unpacks it; the folder appears as a whole or not at all.
    fn download(self) -> Result<()> {
        let Self { suite, name, .. } = self;
        let folder = self.folder();
        println!("==> {name} of Debian {suite}, unpacked in {}", folder.display());
        let parent = folder.parent().context("a folder below target")?;
        fs::create_dir_all(parent)?;
        let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
        for part in ["lists/partial", "cache/archives/partial", "downloads", "unpacked"] {
            fs::create_dir_all(work.path().join(part))?;
        }
        let source = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror());
        fs::write(work.path().join("sources.list"), source)?;
        run(apt(work.path(), &["update"]))?;
        // Of this suite, as the machine may know a newer one from elsewhere.
        run(apt(work.path(), &["download", &format!("{name}/{suite}")]))?;
        let unpacked = work.path().join("unpacked");
        for entry in fs::read_dir(work.path().join("downloads"))? {
            let mut dpkg = Command::new("dpkg-deb");
            dpkg.arg("--extract").arg(entry?.path()).arg(&unpacked);
            run(dpkg)?;
        }
        fs::rename(&unpacked, &folder).with_context(|| format!("can't make {}", folder.display()))
    }
}

/// apt-get with lists, cache and sources of its own, in the folder that it downloads to.
fn apt(work: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    let own = [
        ("Dir::Etc::SourceList", "sources.list"),
        ("Dir::Etc::SourceParts", "no-more-sources"),
        ("Dir::State::Lists", "lists"),
        ("Dir::Cache", "cache"),
    ];
    for (setting, name) in own {
        command.arg("-o").arg(format!("{setting}={}", work.join(name).display()));
    }
    // The user that apt would change to may not get into the folder.
    command.args(["-q", "-o", "APT::Sandbox::User=root"]).args(arguments).current_dir(work.join("downloads"));
    command
}

/// The mirror that the machine's own sources name, in either of their two formats.
fn mirror() -> String {
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let files = folder.chain([PathBuf::from("/etc/apt/sources.list")]);
    let mut texts = files.filter_map(|file| fs::read_to_string(file).ok());
    texts.find_map(|text| mirror_in(&text)).unwrap_or_else(|| MIRROR.to_owned())
}

fn mirror_in(sources: &str) -> Option<String> {
    let lines = sources.lines().map(str::trim).filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
    let mut words = lines.flat_map(str::split_whitespace).map(|word| word.trim_end_matches('/'));
    let is_debian = |word: &&str| word.starts_with("http") && word.ends_with("/debian");
    words.find(is_debian).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_mirror_is_found_in_both_formats() {
        let new = "Types: deb\n# URIs: http://old.test/debian\nURIs: http://a.test/debian/\nSuites: bookworm\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://a.test/debian"));
        let old = "deb http://security.test/debian-security x main\ndeb [arch=amd64] https://b.test/debian x main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("https://b.test/debian"));
        assert_eq!(mirror_in("deb https://c.test/node_20.x x main\n"), None);
    }
}
