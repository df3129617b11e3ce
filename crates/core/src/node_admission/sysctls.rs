//! Which kernel parameters a Pod may set: those that concern only itself and are known to be safe, and what the node allows
//! beyond that.

use k8s_openapi::api::core::v1::Pod;

use super::Refusal;
use crate::unset::{is_true, list};
use crate::validation::is_sysctl_name;

/// They are the Pod's alone and have no effect on others. All are older than any kernel that this node runs on.
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
const LONGEST: usize = 253;
const PATTERN: &str = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$";

/// Whose a parameter is, if not the whole machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Ipc,
    Net,
}

impl Namespace {
    fn of(name: &str) -> Option<Self> {
        let ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."];
        if name == "kernel.sem" || ipc.iter().any(|prefix| name.starts_with(prefix)) {
            Some(Self::Ipc)
        } else if name.starts_with("net.") {
            Some(Self::Net)
        } else {
            None
        }
    }
}

/// Refuses the first parameter that is not allowed.
pub(super) fn check(pod: &Pod, allowed_unsafe: &[String]) -> Result<(), Refusal> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let sysctls = spec.security_context.as_ref().map(|context| list(&context.sysctls)).unwrap_or_default();
    for sysctl in sysctls {
        let name = dotted(&sysctl.name);
        let wrong = if !is_allowed(&name, allowed_unsafe) {
            "not allowlisted"
        } else {
            match Namespace::of(&name) {
                Some(Namespace::Net) if is_true(spec.host_network) => "not allowed with host net enabled",
                Some(Namespace::Ipc) if is_true(spec.host_ipc) => "not allowed with host ipc enabled",
                _ => continue,
            }
        };
        return Err(Refusal::new("SysctlForbidden", format!("forbidden sysctl: {name:?} {wrong}")));
    }
    Ok(())
}

/// Checks what a node's settings allow: a name, or a prefix with `*`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_pattern(text: &str) -> Result<(), String> {
    if text.len() > LONGEST || !is_pattern(text) {
        return Err(format!("sysctl {text:?} must have at most {LONGEST} characters and match regex {PATTERN}"));
    }
    match Namespace::of(dotted(text).trim_end_matches('*')) {
        Some(_) => Ok(()),
        None => Err(format!("the sysctls {text:?} are not known to be namespaced")),
    }
}

/// A parameter may be spelled `net/ipv4/x`; then dots are part of names.
#[must_use]
pub fn dotted(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(first) if name[first..].starts_with('/') => {
            let swapped = |c| match c {
                '/' => '.',
                '.' => '/',
                other => other,
            };
            name.chars().map(swapped).collect()
        }
        _ => name.to_owned(),
    }
}

fn is_allowed(name: &str, allowed_unsafe: &[String]) -> bool {
    let matches = |pattern: &String| {
        let pattern = dotted(pattern);
        pattern.strip_suffix('*').map_or(name == pattern, |prefix| name.starts_with(prefix))
    };
    SAFE.contains(&name) || allowed_unsafe.iter().any(matches)
}

fn is_pattern(text: &str) -> bool {
    let Some(prefix) = text.strip_suffix('*') else { return is_sysctl_name(text) };
    let begun = prefix.trim_end_matches(['-', '_']);
    is_sysctl_name(begun.strip_suffix(['.', '/']).unwrap_or(begun))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(spec: Value, name: &str, allowed: &[&str]) -> Option<String> {
        let mut spec = spec;
        spec["containers"] = json!([]);
        spec["securityContext"] = json!({"sysctls": [{"name": name, "value": "1"}]});
        let pod: Pod = serde_json::from_value(json!({ "spec": spec })).unwrap();
        let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
        check(&pod, &allowed).err().map(|refusal| {
            assert_eq!(refusal.reason, "SysctlForbidden");
            refusal.message
        })
    }

    #[test]
    fn only_safe_parameters_and_those_that_the_node_allows_are_set() {
        let plain = || json!({});
        assert_eq!(message(plain(), "net.ipv4.tcp_syncookies", &[]), None);
        assert_eq!(message(plain(), "net/ipv4/tcp_syncookies", &[]), None);
        let forbidden = Some("forbidden sysctl: \"net.core.somaxconn\" not allowlisted".to_owned());
        assert_eq!(message(plain(), "net.core.somaxconn", &[]), forbidden);
        assert_eq!(message(plain(), "net.core.somaxconn", &["net.core.*"]), None);
        assert_eq!(message(plain(), "net.core.somaxconn", &["net/core/somaxconn"]), None);
        assert_eq!(message(plain(), "net.core.somaxconn", &["net.core.some*", "kernel.msg*"]), forbidden);
    }

    #[test]
    fn parameters_of_a_namespace_that_is_the_host_s_are_not_set() {
        let on_host = Some("forbidden sysctl: \"net.ipv4.tcp_rmem\" not allowed with host net enabled".to_owned());
        assert_eq!(message(json!({"hostNetwork": true}), "net.ipv4.tcp_rmem", &[]), on_host);
        let ipc = Some("forbidden sysctl: \"kernel.shm_rmid_forced\" not allowed with host ipc enabled".to_owned());
        assert_eq!(message(json!({"hostIPC": true}), "kernel.shm_rmid_forced", &[]), ipc);
        assert_eq!(message(json!({"hostIPC": true}), "net.ipv4.tcp_rmem", &[]), None);
    }

    #[test]
    fn settings_can_only_allow_what_is_a_pod_s_own() {
        for good in ["net.*", "kernel.msg*", "kernel/shm*", "fs.mqueue.x", "kernel.sem", "net.ipv4.tcp_*"] {
            assert_eq!(check_pattern(good), Ok(()), "{good}");
        }
        let foreign = "the sysctls \"vm.swappiness\" are not known to be namespaced".to_owned();
        assert_eq!(check_pattern("vm.swappiness"), Err(foreign));
        for bad in ["", "net..a", "Net.a", "net.*.a", "-a", "net."] {
            assert!(check_pattern(bad).is_err(), "{bad}");
        }
    }
}
