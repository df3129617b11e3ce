//! Who is who: one authority in the data folder signs what the API, its clients and the nodes show each other.
//!
//! ```text
//! pki/authority.pem ──signs──> apiserver.pem        what the API shows to its clients
//!                              client-<name>.pem    what a client shows to the API, or the API to a kubelet
//!                              kubelet-<node>.pem   what a node's own HTTP API shows to the API
//! ```
//!
//! A certificate and its key are one file, replaced at once: no crash leaves a pair that does not fit. What is
//! near its end is made anew at start; the authority keeps its key then, so what it has signed stays good.

mod authority;
mod error;
mod identity;
mod pem;
mod subject;
mod validity;

pub use authority::Certificates;
pub use error::CertificateError;
pub use identity::Identity;
pub use subject::{Client, MASTERS, NODES};

#[cfg(test)]
mod tests;
