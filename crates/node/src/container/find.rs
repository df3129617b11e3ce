//! Finds a container by name in the three lists of a Pod's spec.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::{Container, Pod};
use reprise_core::roles;

use super::error::ConfigError;

/// A container of the spec, and for an ephemeral one the container whose processes it is to see.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub spec: Cow<'a, Container>,
    pub target: Option<&'a str>,
    /// Where it stands, as Events name it.
    pub field_path: String,
}

/// The container called `name`, in whichever list it is.
pub(crate) fn container<'a>(pod: &'a Pod, name: &str) -> Result<Found<'a>, ConfigError> {
    if let Some(c) = roles::containers(pod).into_iter().find(|c| c.name() == name) {
        return Ok(Found { spec: Cow::Borrowed(c.spec), target: None, field_path: c.field_path() });
    }
    let ephemeral = pod.spec.iter().flat_map(|s| s.ephemeral_containers.iter().flatten());
    let found = ephemeral.into_iter().find(|c| c.name == name).map(|c| Found {
        spec: Cow::Owned(roles::ephemeral_as_container(c)),
        target: c.target_container_name.as_deref().filter(|t| !t.is_empty()),
        field_path: format!("spec.ephemeralContainers{{{name}}}"),
    });
    found.ok_or_else(|| ConfigError::NoSuchContainer { name: name.to_owned() })
}
