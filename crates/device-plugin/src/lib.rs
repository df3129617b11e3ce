//! The kubelet's device-plugin API, version v1beta1, as node agents and plugins speak it.
//!
//! ```text
//! plugin --Register--> <folder>/kubelet.sock      agent
//! plugin <--ListAndWatch, Allocate, ...--         agent, on <folder>/<the plugin's socket>
//! ```
//!
//! [`v1beta1`] is what goes over the wire, [`PluginClient`] the agent's way to a plugin, [`host`] what a plugin needs
//! beside its own service: a socket, the registration, and another one whenever the agent was started again.

mod client;
mod error;
pub mod host;

pub use client::PluginClient;
pub use error::PluginError;

/// Messages, clients and servers generated from the definition, package `v1beta1`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod v1beta1 {
    tonic::include_proto!("v1beta1");
}

/// The version of the API in a registration.
pub const VERSION: &str = "v1beta1";
/// The file name of the agent's socket.
pub const AGENT_SOCKET: &str = "kubelet.sock";
/// The health of a device that works; any other text means that it does not.
pub const HEALTHY: &str = "Healthy";
/// The health of a device that does not.
pub const UNHEALTHY: &str = "Unhealthy";

#[cfg(test)]
mod wire_tests;
