//! An embedded Kubernetes API server for one machine.
//!
//! ```text
//! request -> TLS -> who (security) -> may they (security) -> fair queue -> verb -> admission -> store -> encoding
//!                                                                                        |
//!                                                            watchers <--- history <-----+
//! ```
//!
//! What kinds there are is one table, [`resources`]: all else is the same code for each of them.

pub mod access;
mod admission;
mod api;
mod bootstrap;
pub mod discovery;
pub mod encoding;
mod error;
mod http;
pub mod openapi;
pub mod patch;
pub mod printing;
mod proxy;
pub mod request;
pub mod resources;
pub mod security;
mod server;
pub mod status;
pub mod store;
mod verbs;

pub use api::{Api, ApiConfig};
pub use error::StartError;

/// The version that the server says it is: what of Kubernetes it follows, and whose it is.
pub const KUBERNETES_VERSION: &str = "v1.36.2+reprise";
