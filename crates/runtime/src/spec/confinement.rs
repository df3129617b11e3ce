//! AppArmor and SELinux: honoured where this kernel has them, refused where it does not.

use std::fs;
use std::path::Path;

use reprise_cri::v1::security_profile::ProfileType;
use reprise_cri::v1::{LinuxContainerSecurityContext, SeLinuxOption};

use super::SpecError;

const APPARMOR_FIELD: &str = "linux.security_context.apparmor";
const SELINUX_FIELD: &str = "linux.security_context.selinux_options";

/// What the container's program is confined by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// The AppArmor profile.
    pub apparmor: Option<String>,
    /// The SELinux label.
    pub selinux: Option<String>,
}

/// What this kernel has.
struct Kernel {
    /// The names of the loaded AppArmor profiles, where there is AppArmor.
    apparmor: Option<Vec<String>>,
    selinux: bool,
}

impl Kernel {
    fn here() -> Self {
        let profiles = fs::read_to_string("/sys/kernel/security/apparmor/profiles").ok();
        let names = |text: String| text.lines().filter_map(|l| Some(l.rsplit_once(" (")?.0.to_owned())).collect();
        Self { apparmor: profiles.map(names), selinux: Path::new("/sys/fs/selinux/enforce").exists() }
    }
}

/// Works out both.
pub fn of(security: &LinuxContainerSecurityContext) -> Result<Confinement, SpecError> {
    let asks =
        security.apparmor.is_some() || !security.apparmor_profile.is_empty() || security.selinux_options.is_some();
    // Nothing is looked up for the many containers that name neither.
    if asks { on(&Kernel::here(), security) } else { Ok(Confinement::default()) }
}

fn on(kernel: &Kernel, security: &LinuxContainerSecurityContext) -> Result<Confinement, SpecError> {
    let apparmor = if security.privileged { None } else { apparmor(kernel, security)? };
    let selinux = security.selinux_options.as_ref().map(|o| selinux(kernel, o)).transpose()?.flatten();
    Ok(Confinement { apparmor, selinux })
}

fn apparmor(kernel: &Kernel, security: &LinuxContainerSecurityContext) -> Result<Option<String>, SpecError> {
    let refused = |why: String| Err(SpecError::Invalid { field: APPARMOR_FIELD, why });
    let old = security.apparmor_profile.as_str();
    let (kind, name) = match &security.apparmor {
        Some(profile) => (profile.profile_type(), profile.localhost_ref.as_str()),
        None if old.is_empty() || old == "unconfined" => (ProfileType::Unconfined, ""),
        None if old == "runtime/default" => (ProfileType::RuntimeDefault, ""),
        None => (ProfileType::Localhost, old),
    };
    let name = name.strip_prefix("localhost/").unwrap_or(name);
    match (kind, &kernel.apparmor) {
        (ProfileType::Unconfined, _) => Ok(None),
        (_, None) => refused("this machine has no AppArmor: leave the profile out, or ask for Unconfined".to_owned()),
        (ProfileType::RuntimeDefault, Some(_)) => {
            refused("this runtime has no AppArmor profile of its own: load one and name it (Localhost)".to_owned())
        }
        (ProfileType::Localhost, Some(loaded)) if loaded.iter().any(|l| l == name) => Ok(Some(name.to_owned())),
        (ProfileType::Localhost, Some(_)) => {
            refused(format!("the profile {name:?} is not loaded: load it with apparmor_parser"))
        }
    }
}

/// The label of a process, with the usual parts where the request has none.
fn selinux(kernel: &Kernel, options: &SeLinuxOption) -> Result<Option<String>, SpecError> {
    let parts = [&options.user, &options.role, &options.r#type, &options.level];
    if parts.iter().all(|part| part.is_empty()) {
        return Ok(None);
    }
    if !kernel.selinux {
        let why = "this machine has no SELinux: leave the options out".to_owned();
        return Err(SpecError::Invalid { field: SELINUX_FIELD, why });
    }
    let usual = ["system_u", "system_r", "container_t", "s0"];
    let chosen = parts.iter().zip(usual).map(|(part, usual)| if part.is_empty() { usual } else { part.as_str() });
    Ok(Some(chosen.collect::<Vec<_>>().join(":")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::SecurityProfile;

    fn asks(kind: ProfileType, name: &str) -> LinuxContainerSecurityContext {
        let profile = SecurityProfile { profile_type: kind.into(), localhost_ref: name.to_owned() };
        LinuxContainerSecurityContext { apparmor: Some(profile), ..Default::default() }
    }

    #[test]
    fn a_kernel_without_apparmor_takes_unconfined_and_nothing_else() {
        let none = Kernel { apparmor: None, selinux: false };
        assert_eq!(on(&none, &asks(ProfileType::Unconfined, "")).unwrap(), Confinement::default());
        for kind in [ProfileType::RuntimeDefault, ProfileType::Localhost] {
            let refused = on(&none, &asks(kind, "p")).unwrap_err().to_string();
            assert!(refused.contains("no AppArmor"), "{refused}");
        }
    }

    #[test]
    fn a_profile_must_be_loaded() {
        let some = Kernel { apparmor: Some(vec!["web".to_owned()]), selinux: false };
        assert_eq!(on(&some, &asks(ProfileType::Localhost, "web")).unwrap().apparmor.as_deref(), Some("web"));
        assert_eq!(on(&some, &asks(ProfileType::Localhost, "localhost/web")).unwrap().apparmor.as_deref(), Some("web"));
        assert!(on(&some, &asks(ProfileType::Localhost, "db")).unwrap_err().to_string().contains("not loaded"));
    }

    #[test]
    fn selinux_labels_are_filled_up_where_there_is_selinux() {
        let options = SeLinuxOption { level: "s0:c1,c2".to_owned(), ..Default::default() };
        let security = LinuxContainerSecurityContext { selinux_options: Some(options), ..Default::default() };
        let with = Kernel { apparmor: None, selinux: true };
        assert_eq!(on(&with, &security).unwrap().selinux.unwrap(), "system_u:system_r:container_t:s0:c1,c2");
        let without = Kernel { apparmor: None, selinux: false };
        assert!(on(&without, &security).unwrap_err().to_string().contains("no SELinux"));
    }
}
