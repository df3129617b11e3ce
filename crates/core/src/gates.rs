//! Feature gates, named as in Kubernetes.
//!
//! Two decide about in-place restarts: both are on by default, as since v1.36 (KEP-5307 and KEP-5532). The second builds
//! on the first and cannot be on alone. The third shows the health of devices (KEP-4680), on by default since v1.36.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of the gate for `restartPolicy` and `restartPolicyRules` on containers.
pub const CONTAINER_RESTART_RULES: &str = "ContainerRestartRules";
/// Name of the gate for the action `RestartAllContainers` and for rules on sidecars. It is also what a node
/// with the gate on lists in `Node.status.declaredFeatures`.
pub const RESTART_ALL_CONTAINERS: &str = "RestartAllContainersOnContainerExits";

/// Name of the gate for `allocatedResourcesStatus`, the health of a container's devices in its status.
pub const RESOURCE_HEALTH_STATUS: &str = "ResourceHealthStatus";

/// The gates that decide something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct FeatureGates {
    /// `ContainerRestartRules`.
    pub container_restart_rules: bool,
    /// `RestartAllContainersOnContainerExits`.
    pub restart_all_containers_on_container_exits: bool,
    /// `ResourceHealthStatus`.
    pub resource_health_status: bool,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self {
            container_restart_rules: true,
            restart_all_containers_on_container_exits: true,
            resource_health_status: true,
        }
    }
}

/// Why a text is no set of feature gates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GatesError {
    /// An entry has no `=`.
    #[error("feature gate {entry:?} has no value: write {entry}=true or {entry}=false")]
    NoValue {
        /// The entry as written.
        entry: String,
    },
    /// No gate has this name.
    #[error(
        "unknown feature gate {name:?}: known are {CONTAINER_RESTART_RULES}, {RESTART_ALL_CONTAINERS}, {RESOURCE_HEALTH_STATUS}"
    )]
    Unknown {
        /// The name as written.
        name: String,
    },
    /// The value is neither true nor false.
    #[error("feature gate {name} has the value {value:?}: write true or false")]
    BadValue {
        /// The gate.
        name: String,
        /// The value as written.
        value: String,
    },
    /// One gate is on although a gate that it builds on is off.
    #[error(
        "feature gate {RESTART_ALL_CONTAINERS} is on, but {CONTAINER_RESTART_RULES}, which it needs, is off: \
         set both to the same value"
    )]
    MissingDependency,
}

impl FeatureGates {
    /// Checks that no gate is on without the one that it builds on.
    ///
    /// # Errors
    /// [`GatesError::MissingDependency`] when it is.
    pub fn check(&self) -> Result<(), GatesError> {
        if self.restart_all_containers_on_container_exits && !self.container_restart_rules {
            return Err(GatesError::MissingDependency);
        }
        Ok(())
    }

    fn gate(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            CONTAINER_RESTART_RULES => Some(&mut self.container_restart_rules),
            RESTART_ALL_CONTAINERS => Some(&mut self.restart_all_containers_on_container_exits),
            RESOURCE_HEALTH_STATUS => Some(&mut self.resource_health_status),
            _ => None,
        }
    }
}

impl FromStr for FeatureGates {
    type Err = GatesError;

    /// Parses `A=true,B=false`; gates that are not named keep their default. The last of two entries wins.
    fn from_str(text: &str) -> Result<Self, GatesError> {
        let mut gates = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, value) = entry.split_once('=').ok_or_else(|| GatesError::NoValue { entry: entry.to_owned() })?;
            let (name, value) = (name.trim(), value.trim());
            let gate = gates.gate(name).ok_or_else(|| GatesError::Unknown { name: name.to_owned() })?;
            *gate = parse_bool(value)
                .ok_or_else(|| GatesError::BadValue { name: name.to_owned(), value: value.to_owned() })?;
        }
        gates.check()?;
        Ok(gates)
    }
}

impl fmt::Display for FeatureGates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{CONTAINER_RESTART_RULES}={},{RESTART_ALL_CONTAINERS}={},{RESOURCE_HEALTH_STATUS}={}",
            self.container_restart_rules, self.restart_all_containers_on_container_exits, self.resource_health_status
        )
    }
}

/// The spellings that Kubernetes components take for a gate's value.
fn parse_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_that_are_not_named_keep_their_default() {
        let gates: FeatureGates = "RestartAllContainersOnContainerExits=false".parse().unwrap();
        assert!(gates.container_restart_rules && !gates.restart_all_containers_on_container_exits);
        assert_eq!("".parse(), Ok(FeatureGates::default()));
        assert_eq!(gates.to_string().parse(), Ok(gates));
    }

    #[test]
    fn the_second_gate_cannot_be_on_without_the_first() {
        let off = "ContainerRestartRules=false".parse::<FeatureGates>();
        assert_eq!(off, Err(GatesError::MissingDependency));
        let both = "ContainerRestartRules=false, RestartAllContainersOnContainerExits=false".parse::<FeatureGates>();
        assert!(both.is_ok());
    }

    #[test]
    fn errors_name_the_entry() {
        let error = |text: &str| text.parse::<FeatureGates>().unwrap_err().to_string();
        assert!(error("Foo=true").starts_with("unknown feature gate \"Foo\""));
        assert!(error("ContainerRestartRules").contains("ContainerRestartRules=true"));
        assert!(error("ContainerRestartRules=yes").contains("\"yes\": write true or false"));
    }
}
