//! The fields about what Pods can have.

use reprise_core::node_admission::{Threshold, sysctls};
use reprise_core::quantity::Quantity;
use reprise_core::resources::ResourceList;
use serde_json::Value;

use super::fields::Fields;

/// What `enforceNodeAllocatable` can say.
const ENFORCED: [&str; 6] =
    ["none", "pods", "system-reserved", "kube-reserved", "system-reserved-compressible", "kube-reserved-compressible"];

/// What must stay free of memory and of the disk; what is not named may all be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvictionHard {
    /// `memory.available`.
    pub memory_available: Threshold,
    /// `nodefs.available`.
    pub nodefs_available: Threshold,
}

impl Fields {
    pub(super) fn count(&mut self, name: &str) -> Option<i64> {
        let read = |value: &Value| value.as_i64().filter(|count| (0..=i64::from(i32::MAX)).contains(count));
        self.read(name, "a whole number that is not negative is needed", read)
    }

    /// An object of amounts by the resource's name.
    pub(super) fn reserved(&mut self) -> Option<ResourceList> {
        let names = ["cpu", "memory", "ephemeral-storage"];
        Some(names.into_iter().filter_map(|name| Some((name.to_owned(), self.amount(name)?))).collect())
    }

    fn amount(&mut self, name: &str) -> Option<Quantity> {
        let read = |value: &Value| value.as_str()?.parse().ok().filter(|amount| *amount >= Quantity::ZERO);
        self.read(name, "a text with an amount that is not negative, such as 500m or 1Gi, is needed", read)
    }

    pub(super) fn eviction_hard(&mut self) -> Option<EvictionHard> {
        let mut threshold = |name| {
            let read = |value: &Value| value.as_str()?.parse().ok();
            self.read(name, "a text with an amount or a percentage, such as 100Mi or 10%, is needed", read)
        };
        Some(EvictionHard {
            memory_available: threshold("memory.available").unwrap_or(Threshold::NONE),
            nodefs_available: threshold("nodefs.available").unwrap_or(Threshold::NONE),
        })
    }

    /// Whether what Pods may use is enforced. What others may use is not.
    pub(super) fn enforces_allocatable(&mut self) -> Option<bool> {
        const NAME: &str = "enforceNodeAllocatable";
        let known = |value: &Value| value.as_str().filter(|text| ENFORCED.contains(text)).map(str::to_owned);
        let read = |value: &Value| {
            let list = value.as_array()?.iter().map(known).collect::<Option<Vec<String>>>()?;
            // All or nothing.
            (list.len() <= 1 || !list.iter().any(|text| text == "none")).then_some(list)
        };
        let list = self.read(NAME, "a list of pods, or none, is needed", read)?;
        for other in list.iter().filter(|text| !["pods", "none"].contains(&text.as_str())) {
            self.warn(NAME, &format!("{other} is not supported: it changes nothing"));
        }
        Some(list.iter().any(|text| text == "pods"))
    }

    pub(super) fn cgroup(&mut self, name: &str) -> Option<String> {
        let plain = |path: &&str| path.starts_with('/') && path.split('/').all(|part| !matches!(part, "." | ".."));
        let read = |value: &Value| value.as_str().filter(|path| path.is_empty() || plain(path)).map(str::to_owned);
        let path = self.read(name, "an absolute path is needed", read);
        path.filter(|path| !path.is_empty())
    }

    pub(super) fn sysctl_patterns(&mut self, name: &str) -> Option<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list: Vec<String> =
            self.read(name, "a list of texts is needed", |value| value.as_array()?.iter().map(text).collect())?;
        for pattern in &list {
            if let Err(wrong) = sysctls::check_pattern(pattern) {
                self.wrong(name, &Value::from(pattern.as_str()), &wrong);
            }
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_wrong, of};

    #[test]
    fn what_pods_can_have_is_read() {
        let text = "maxPods: 7\nsystemReserved: {cpu: 500m, memory: 1Gi, pid: '100'}\nkubeReserved: {ephemeral-storage: 1Gi}\nevictionHard: {memory.available: 5%, imagefs.available: 15%}\nenforceNodeAllocatable: [pods, kube-reserved]\ncgroupRoot: /k8s\ncgroupsPerQOS: true\nallowedUnsafeSysctls: [net.core.*, kernel.msgmax]\n";
        let (settings, warnings) = of(text).unwrap();
        assert_eq!((settings.max_pods, settings.cgroup_root.as_deref()), (Some(7), Some("/k8s")));
        assert_eq!(settings.system_reserved["cpu"].to_string(), "500m");
        assert_eq!(settings.kube_reserved["ephemeral-storage"].to_string(), "1Gi");
        let eviction = settings.eviction_hard.unwrap();
        assert_eq!(
            (eviction.memory_available.to_string().as_str(), eviction.nodefs_available.to_string().as_str()),
            ("5%", "0")
        );
        assert_eq!((settings.enforce_node_allocatable, settings.cgroups_per_qos), (Some(true), Some(true)));
        assert_eq!(settings.allowed_unsafe_sysctls.unwrap().len(), 2);
        let fields: Vec<&str> = warnings.iter().filter_map(|warning| warning.split(':').next()).collect();
        assert_eq!(fields, ["enforceNodeAllocatable", "evictionHard.imagefs.available", "systemReserved.pid"]);
    }

    #[test]
    fn amounts_that_can_not_be_are_errors() {
        let text = "maxPods: -1\nsystemReserved: {cpu: 2x}\nevictionHard: {memory.available: 120%}\nenforceNodeAllocatable: [pods, none]\ncgroupRoot: ../x\nallowedUnsafeSysctls: [vm.swappiness]\n";
        assert_wrong(
            text,
            [
                ("maxPods", "-1"),
                ("systemReserved.cpu", "\"2x\""),
                ("evictionHard.memory.available", "\"120%\""),
                ("enforceNodeAllocatable", "none"),
                ("cgroupRoot", "\"../x\""),
                ("allowedUnsafeSysctls", "not known to be namespaced"),
            ],
        );
    }
}
