//! Which seccomp filter a container's program runs under.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use reprise_cri::v1::security_profile::ProfileType;
use reprise_cri::v1::{ContainerConfig, LinuxContainerSecurityContext};

use super::{Place, SpecError};
use crate::seccomp::Filters;

const FIELD: &str = "linux.security_context.seccomp";

/// A filter's file, and what belongs in it if it is the container's own.
#[derive(Default)]
pub struct Choice {
    pub file: Option<PathBuf>,
    pub filters: Option<Arc<Filters>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Default,
    File(PathBuf),
}

/// The filter for a container whose bounding set is `capabilities`.
pub fn of(
    security: &LinuxContainerSecurityContext,
    place: &Place<'_>,
    capabilities: &BTreeSet<String>,
) -> Result<Choice, SpecError> {
    match wanted(security)? {
        Wanted::Nothing => Ok(Choice::default()),
        Wanted::Default => Ok(Choice { file: place.seccomp.default_file().cloned(), filters: None }),
        Wanted::File(path) => {
            let filters = place.seccomp.compile(&path, capabilities)?;
            Ok(Choice { file: Some(place.folder.seccomp()), filters: Some(filters) })
        }
    }
}

/// The profile file that the config names, if it names one.
pub fn localhost_file(config: &ContainerConfig) -> Option<PathBuf> {
    match wanted(config.linux.as_ref()?.security_context.as_ref()?) {
        Ok(Wanted::File(path)) => Some(path),
        _ => None,
    }
}

/// The profile, or else the old way of naming one. A privileged container has none.
fn wanted(security: &LinuxContainerSecurityContext) -> Result<Wanted, SpecError> {
    let (kind, file) = match &security.seccomp {
        _ if security.privileged => return Ok(Wanted::Nothing),
        Some(profile) => (profile.profile_type(), profile.localhost_ref.as_str()),
        None => match security.seccomp_profile_path.as_str() {
            "" | "unconfined" => return Ok(Wanted::Nothing),
            "runtime/default" | "docker/default" => return Ok(Wanted::Default),
            path => match path.strip_prefix("localhost/") {
                Some(file) => (ProfileType::Localhost, file),
                None => {
                    let why = format!("{path:?} is neither runtime/default, unconfined nor localhost/<file>");
                    return Err(SpecError::Invalid { field: "linux.security_context.seccomp_profile_path", why });
                }
            },
        },
    };
    match kind {
        ProfileType::Unconfined => Ok(Wanted::Nothing),
        ProfileType::RuntimeDefault => Ok(Wanted::Default),
        ProfileType::Localhost if file.starts_with('/') => Ok(Wanted::File(PathBuf::from(file))),
        ProfileType::Localhost => {
            let why = format!("localhost_ref: {file:?} is not the absolute path of a profile");
            Err(SpecError::Invalid { field: FIELD, why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::SecurityProfile;

    fn named(path: &str) -> Result<Wanted, SpecError> {
        wanted(&LinuxContainerSecurityContext { seccomp_profile_path: path.to_owned(), ..Default::default() })
    }

    #[test]
    fn the_old_names_mean_what_they_meant() {
        assert_eq!(named("").unwrap(), Wanted::Nothing);
        assert_eq!(named("runtime/default").unwrap(), Wanted::Default);
        assert_eq!(named("localhost//p.json").unwrap(), Wanted::File("/p.json".into()));
        assert!(named("localhost/p.json").is_err() && named("strict").is_err());
    }

    #[test]
    fn a_profile_wins_over_the_old_name_and_privileged_over_both() {
        let unconfined = SecurityProfile { profile_type: ProfileType::Unconfined.into(), ..Default::default() };
        let mut security = LinuxContainerSecurityContext {
            seccomp: Some(unconfined),
            seccomp_profile_path: "runtime/default".to_owned(),
            ..Default::default()
        };
        assert_eq!(wanted(&security).unwrap(), Wanted::Nothing);
        security.seccomp = None;
        security.privileged = true;
        assert_eq!(wanted(&security).unwrap(), Wanted::Nothing);
    }
}
