//! How a Pod is named: by namespace and name for people, by UID for everything on disk and in the runtime.

use std::fmt;
use std::str::FromStr;

use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};

/// Namespace and name of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodKey {
    /// The namespace; `default` if none was given.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl PodKey {
    /// The key of `pod`.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let namespace = pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
        Self { namespace, name: pod.metadata.name.clone().unwrap_or_default() }
    }
}

impl FromStr for PodKey {
    type Err = std::convert::Infallible;

    /// Reads `namespace/name`, or a name in the namespace `default`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The Pod's UID; empty before it has been given one.
#[must_use]
pub fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}
