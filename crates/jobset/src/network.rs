//! How the Pods of a JobSet find each other: a headless service, and a subdomain of that name for each Pod.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reprise_core::unset::{is_true, text};

use crate::job::owner;
use crate::names::JOBSET_NAME;
use crate::types::JobSet;

/// The subdomain of the Pods, which is the service's name too; `None` if they have no names.
#[must_use]
pub fn subdomain(set: &JobSet) -> Option<&str> {
    let network = set.spec.as_ref()?.network.as_ref()?;
    if !is_true(network.enable_dns_hostnames) {
        return None;
    }
    let own = text(&network.subdomain);
    Some(if own.is_empty() { text(&set.metadata.name) } else { own })
}

/// The service to be made, if there is to be one.
#[must_use]
pub fn service(set: &JobSet) -> Option<Service> {
    let name = subdomain(set)?;
    let network = set.spec.as_ref()?.network.as_ref()?;
    let selector = [(JOBSET_NAME.to_owned(), text(&set.metadata.name).to_owned())];
    Some(Service {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: set.metadata.namespace.clone(),
            owner_references: Some(vec![owner(set)]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(selector.into()),
            publish_not_ready_addresses: Some(network.publish_not_ready_addresses.unwrap_or(true)),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}
