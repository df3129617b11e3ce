//! The Container Runtime Interface, version 1, as spoken by Kubernetes 1.36.
//!
//! CRI is the whole boundary between the node agent and whatever runs containers: containerd, CRI-O or the
//! embedded runtime. Everything on the wire is in [`v1`], generated from the definition in `proto/`; the rest of
//! this crate is what both ends need around it: a [client](CriClient) that survives a restart of the runtime,
//! [errors](CriError) that say what was tried on which object and whether trying again can help, and
//! [sockets](socket) whose path may be longer than the kernel's address structure.

pub mod client;
pub mod error;
mod json;
mod redact;
pub mod socket;
mod way;

pub use client::{Call, CallObserver, CriClient, MAX_MESSAGE_BYTES};
pub use error::{CodeClass, CriError};
pub use way::Way;

/// Messages, clients and servers generated from the CRI definition, package `runtime.v1`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("runtime.v1");
}

#[cfg(test)]
mod wire_tests;
