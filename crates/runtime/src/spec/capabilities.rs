//! Which capabilities a container's program has.

use std::collections::{BTreeSet, HashSet};

use caps::Capability;
use reprise_cri::v1::LinuxContainerSecurityContext;
use serde_json::{Value, json};

use super::SpecError;

/// What containers have unless told otherwise, as with other runtimes.
const USUAL: [Capability; 14] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FSETID,
    Capability::CAP_FOWNER,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_RAW,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETPCAP,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SYS_CHROOT,
    Capability::CAP_KILL,
    Capability::CAP_AUDIT_WRITE,
];

/// A container's capabilities.
pub struct Capabilities {
    own: BTreeSet<String>,
    ambient: BTreeSet<String>,
    /// CAP_SYS_ADMIN until the program is executed: without `no_new_privs` only it may install a seccomp filter. It is
    /// not in the bounding set, so the execution itself takes it away, also from root.
    until_executed: bool,
}

impl Capabilities {
    /// See [`Capabilities::until_executed`].
    pub fn allow_filter(&mut self) {
        self.until_executed = true;
    }

    /// What the program can have at most.
    pub fn bounding(&self) -> &BTreeSet<String> {
        &self.own
    }

    /// As the OCI config spells them.
    pub fn oci(&self) -> Value {
        let mut before = self.own.clone();
        if self.until_executed {
            before.insert(Capability::CAP_SYS_ADMIN.to_string());
        }
        json!({
            "bounding": self.own,
            "effective": before,
            "permitted": before,
            "inheritable": self.ambient,
            "ambient": self.ambient,
        })
    }
}

/// The usual ones, with what the request adds and drops; all that this process could give, for a privileged one.
pub fn of(security: &LinuxContainerSecurityContext) -> Result<Capabilities, SpecError> {
    let mine = caps::read(None, caps::CapSet::Bounding).unwrap_or_default();
    let mut own: HashSet<Capability> = if security.privileged { mine.clone() } else { USUAL.into() };
    let mut ambient = HashSet::new();
    if let Some(request) = &security.capabilities {
        if named(&request.drop_capabilities)?.1 {
            own.clear();
        }
        let (add, all) = named(&request.add_capabilities)?;
        own.extend(if all { mine.clone() } else { add });
        for drop in named(&request.drop_capabilities)?.0 {
            own.remove(&drop);
        }
        ambient = named(&request.add_ambient_capabilities)?.0;
        own.extend(&ambient);
    }
    // What this process lacks itself it cannot give.
    let text = |set: HashSet<Capability>| set.intersection(&mine).map(ToString::to_string).collect();
    Ok(Capabilities { own: text(own), ambient: text(ambient), until_executed: false })
}

/// The named capabilities, and whether `ALL` was among the names.
fn named(names: &[String]) -> Result<(HashSet<Capability>, bool), SpecError> {
    let mut set = HashSet::new();
    let mut all = false;
    for name in names {
        let upper = name.to_uppercase();
        if upper == "ALL" {
            all = true;
            continue;
        }
        let full = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
        set.insert(full.parse().map_err(|_| SpecError::Capability(name.clone()))?);
    }
    Ok((set, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::Capability as Request;

    fn own(add: &[&str], drop: &[&str]) -> BTreeSet<String> {
        let list = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        let request = Request { add_capabilities: list(add), drop_capabilities: list(drop), ..Request::default() };
        let security = LinuxContainerSecurityContext { capabilities: Some(request), ..Default::default() };
        of(&security).unwrap().own
    }

    #[test]
    fn drop_all_then_add_leaves_only_what_was_added() {
        assert_eq!(own(&["net_admin"], &["ALL"]), BTreeSet::from(["CAP_NET_ADMIN".to_owned()]));
        assert!(!own(&[], &["KILL"]).contains("CAP_KILL"));
    }

    #[test]
    fn the_capability_for_the_filter_is_never_in_the_bounding_set() {
        let mut caps = of(&LinuxContainerSecurityContext::default()).unwrap();
        caps.allow_filter();
        let oci = caps.oci();
        assert!(oci["effective"].as_array().unwrap().contains(&json!("CAP_SYS_ADMIN")));
        assert!(!oci["bounding"].as_array().unwrap().contains(&json!("CAP_SYS_ADMIN")));
    }
}
