//! The profiles that containers use, each compiled once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Filters;
use super::assemble;
use super::numbers::{NATIVE, OLDER};
use super::profile::{Profile, ProfileError, Wrong};
use super::rules::Rules;

/// How many compiled profiles are kept.
const KEPT: usize = 64;

/// The default profile's file, and those that were compiled from files, by content and capabilities.
#[derive(Debug, Default)]
pub struct Profiles {
    default: Option<PathBuf>,
    compiled: Mutex<BTreeMap<Source, Arc<Filters>>>,
}

type Source = (Vec<u8>, BTreeSet<String>);

impl Profiles {
    /// With the file of the default profile, unless this machine has none.
    pub fn new(default: Option<PathBuf>) -> Self {
        Self { default, compiled: Mutex::default() }
    }

    /// The compiled default profile.
    pub fn default_file(&self) -> Option<&PathBuf> {
        self.default.as_ref()
    }

    /// The profile in a file, for a container with these capabilities.
    pub fn compile(&self, path: &Path, capabilities: &BTreeSet<String>) -> Result<Arc<Filters>, ProfileError> {
        let content = std::fs::read(path).map_err(|source| ProfileError::Read { path: path.to_owned(), source })?;
        let source = (content, capabilities.clone());
        if let Some(known) = self.lock().get(&source) {
            return Ok(Arc::clone(known));
        }
        let profile = serde_json::from_slice(&source.0);
        let profile: Profile = profile.map_err(|source| ProfileError::Json { path: path.to_owned(), source })?;
        let filters = Arc::new(filters(&profile, capabilities).map_err(|wrong| wrong.at(path))?);
        let mut compiled = self.lock();
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.insert(source, Arc::clone(&filters));
        Ok(filters)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Source, Arc<Filters>>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn filters(profile: &Profile, capabilities: &BTreeSet<String>) -> Result<Filters, Wrong> {
    if !profile.listener_path.is_empty() {
        let (field, value) = ("listenerPath".to_owned(), profile.listener_path.clone());
        return Err(Wrong { field, value, why: "is not supported: this runtime has no listener for it" });
    }
    let mut sections = vec![(NATIVE, Rules::of(profile, &NATIVE, capabilities)?)];
    if let Some((name, calls)) = OLDER {
        let sub = profile.arch_map.iter().flat_map(|a| &a.sub_architectures);
        if profile.architectures.iter().chain(sub).any(|a| a == name) {
            let rules = Rules::of(profile, &calls, capabilities)?;
            sections.push((calls, rules));
        }
    }
    let program = assemble::program(&sections);
    if program.len() > assemble::LONGEST {
        let value = program.len().to_string();
        return Err(Wrong { field: "syscalls".to_owned(), value, why: "instructions are more than the kernel takes" });
    }
    Ok(Filters { programs: vec![program], flags: flags(profile)? })
}

fn flags(profile: &Profile) -> Result<u32, Wrong> {
    let mut flags = 0;
    for (n, flag) in profile.flags.iter().enumerate() {
        flags |= match flag.as_str() {
            // The process has one thread.
            "SECCOMP_FILTER_FLAG_TSYNC" => 0,
            "SECCOMP_FILTER_FLAG_LOG" => 2,
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => 4,
            _ => return Err(Wrong { field: format!("flags[{n}]"), value: flag.clone(), why: "is not supported" }),
        };
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compiled_once_per_content_and_errors_name_file_and_place() {
        let path = std::env::temp_dir().join(format!("reprise-profile-{}.json", std::process::id()));
        let profiles = Profiles::default();
        let compile = |text: &str| {
            std::fs::write(&path, text).unwrap();
            profiles.compile(&path, &BTreeSet::new())
        };
        let allow = r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}"#;
        let first = compile(allow).unwrap();
        assert!(Arc::ptr_eq(&first, &compile(allow).unwrap()) && first.flags == 2);
        assert!(!Arc::ptr_eq(&first, &compile(r#"{"defaultAction": "SCMP_ACT_LOG"}"#).unwrap()));

        let wrong = compile(r#"{"defaultAction": "SCMP_ACT_MAYBE"}"#).unwrap_err().to_string();
        assert!(
            wrong.contains("profile-") && wrong.contains("defaultAction: \"SCMP_ACT_MAYBE\" is not an action"),
            "{wrong}"
        );
        let broken = crate::error::chain(&compile("{\"defaultAction\": 3}").unwrap_err());
        assert!(broken.contains("line 1"), "{broken}");
        std::fs::remove_file(&path).unwrap();
        assert!(profiles.compile(&path, &BTreeSet::new()).is_err());
    }
}
