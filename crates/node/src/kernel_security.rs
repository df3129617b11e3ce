//! What this kernel can confine containers with, and which Pods ask for something that it can't.

use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::{AppArmorProfile, Pod};
use reprise_core::roles;

/// The security modules of the kernel that Pods can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelSecurity {
    /// AppArmor is enabled.
    pub app_armor: bool,
    /// SELinux is enabled.
    pub selinux: bool,
}

impl KernelSecurity {
    /// Looks at the running kernel.
    #[must_use]
    pub fn of_this_host() -> Self {
        let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
        Self {
            app_armor: enabled.starts_with('Y') && Path::new("/sys/kernel/security/apparmor").exists(),
            selinux: Path::new("/sys/fs/selinux/enforce").exists(),
        }
    }

    /// Why the node can't run `pod`, in the kubelet's words; it refuses such a Pod with the reason `AppArmor`.
    #[must_use]
    pub fn refusal(self, pod: &Pod) -> Option<String> {
        let needed = !self.app_armor && asks_for_app_armor(pod);
        needed.then(|| "Cannot enforce AppArmor: AppArmor is not enabled on the host".to_owned())
    }
}

/// Whether a container is to run under a profile. One of its own counts, and else the Pod's.
fn asks_for_app_armor(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let of_pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    let confines = |profile: &AppArmorProfile| profile.type_ != "Unconfined";
    let own = |context: &k8s_openapi::api::core::v1::SecurityContext| context.app_armor_profile.clone();
    let regular = roles::containers(pod).into_iter().map(|c| c.spec.security_context.as_ref().and_then(own));
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|c| c.security_context.as_ref().and_then(own));
    regular.chain(ephemeral).any(|own| own.as_ref().or(of_pod).is_some_and(confines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(of_pod: Value, own: Value) -> bool {
        let pod = json!({"spec": {"securityContext": of_pod, "containers": [{"name": "c", "securityContext": own}]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let with = KernelSecurity { app_armor: true, selinux: false };
        assert_eq!(with.refusal(&pod), None);
        KernelSecurity { app_armor: false, selinux: false }.refusal(&pod).is_some()
    }

    #[test]
    fn a_profile_needs_apparmor_unless_it_is_unconfined() {
        let profile = |kind: &str| json!({"appArmorProfile": {"type": kind}});
        assert!(!refused(json!({}), json!({})));
        assert!(refused(profile("RuntimeDefault"), json!({})) && refused(json!({}), profile("Localhost")));
        assert!(!refused(profile("RuntimeDefault"), profile("Unconfined")), "the container's own counts");
    }
}
