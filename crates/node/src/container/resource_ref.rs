//! A container's requests and limits as values: the downward API's `resourceFieldRef`.

use k8s_openapi::api::core::v1::{Container, Pod, ResourceFieldSelector};

use reprise_core::resources::ResourceList;

use super::error::ConfigError;
use super::find;
use crate::quantity;

/// What the machine has, or what of it is for Pods: then it is the limit of a container that sets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Memory in bytes.
    pub memory_bytes: i64,
    /// Processors in thousandths.
    pub milli_cpu: i64,
}

impl Machine {
    /// Reads what this machine has.
    pub(crate) fn of_this_host() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, |n| i64::try_from(n.get()).unwrap_or(i64::MAX));
        let info = rustix::system::sysinfo();
        let bytes = info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)));
        Self { memory_bytes: i64::try_from(bytes).unwrap_or(i64::MAX), milli_cpu: cpus.saturating_mul(1000) }
    }

    /// What is left of it for Pods.
    pub(crate) fn of_allocatable(allocatable: &ResourceList) -> Self {
        let memory_bytes = allocatable.get("memory").map_or(0, |amount| amount.value());
        Self { memory_bytes, milli_cpu: allocatable.get("cpu").map_or(0, |amount| amount.milli_value()) }
    }
}

/// The amount that `selector` asks for, in its divisor's units, rounded up.
pub(crate) fn resource(
    pod: &Pod,
    own: &Container,
    selector: &ResourceFieldSelector,
    machine: &Machine,
) -> Result<String, ConfigError> {
    let named = selector.container_name.as_deref().filter(|name| !name.is_empty() && *name != own.name);
    let found = named.map(|name| find::container(pod, name)).transpose()?;
    let container = found.as_ref().map_or(own, |f| f.spec.as_ref());
    let unsupported =
        || ConfigError::UnsupportedResource { resource: selector.resource.clone(), container: container.name.clone() };
    let (list, resource) = selector.resource.split_once('.').ok_or_else(unsupported)?;
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|r| r.limits.as_ref());
    let amounts = match list {
        "limits" => limits,
        "requests" => resources.and_then(|r| r.requests.as_ref()),
        _ => return Err(unsupported()),
    };
    let is_limit = list == "limits";
    let (amount, unit) = if resource == "cpu" {
        let amount = quantity::milli_value_of(amounts, resource);
        let unlimited = is_limit && amount == 0;
        let unit = selector.divisor.as_ref().and_then(quantity::milli_value).filter(|d| *d > 0).unwrap_or(1000);
        (if unlimited { machine.milli_cpu } else { amount }, unit)
    } else if is_plain(resource) {
        let amount = quantity::value_of(amounts, resource);
        let unlimited = is_limit && amount == 0 && resource == "memory";
        let unit = selector.divisor.as_ref().and_then(quantity::value).filter(|d| *d > 0).unwrap_or(1);
        (if unlimited { machine.memory_bytes } else { amount }, unit)
    } else {
        return Err(unsupported());
    };
    Ok((amount / unit + i64::from(amount % unit != 0)).to_string())
}

fn is_plain(resource: &str) -> bool {
    matches!(resource, "memory" | "ephemeral-storage") || resource.starts_with("hugepages-")
}
