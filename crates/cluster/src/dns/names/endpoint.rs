//! One place behind a service.

use std::net::IpAddr;

use super::pod::PodFacts;

#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoint<'a> {
    pub(super) pod: &'a PodFacts,
    pub(super) address: IpAddr,
    /// The Pod's own name in the service.
    pub(super) hostname: Option<&'a str>,
}

impl Endpoint<'_> {
    /// Its name in the service: the Pod's, or its address.
    pub(super) fn label(&self) -> String {
        self.hostname.map_or_else(|| address_label(self.address), str::to_owned)
    }
}

/// An address as a label: `10-85-0-2`, `fd00--2`.
pub(super) fn address_label(address: IpAddr) -> String {
    address.to_string().replace(['.', ':'], "-")
}

/// The address that a label stands for.
pub(super) fn address_of(label: &str) -> Option<IpAddr> {
    label.replace('-', ".").parse().map(IpAddr::V4).or_else(|_| label.replace('-', ":").parse().map(IpAddr::V6)).ok()
}
