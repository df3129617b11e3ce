//! The embedded container runtime: serves CRI v1 on a unix socket, with libcontainer behind one small shim process
//! per Pod.
//!
//! ```text
//! CRI call -> server (this process) -> shim (one per sandbox) -> create helper -> container
//!                 |  images, network        | logs, exits            | overlay, libcontainer
//! ```
//!
//! The server can die and come back at any time: the shims hold the containers, and what else is worth knowing is on
//! disk. The only way in is CRI.

#![allow(unsafe_code)]

mod config;
mod create;
mod disk;
mod error;
mod exec;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handover;
mod layout;
mod mounted;
mod network;
mod pid_namespace;
pub mod process_memory;
pub mod reexec;
mod seccomp;
mod server;
mod shim;
mod shim_attach;
mod shim_client;
mod spec;
mod stop_signal;
mod terminal;
mod usage;

use reprise_cgroups as cgroup;
use reprise_cgroups::limits;

pub use config::RuntimeConfig;
pub use network::cni::CniConfig;
pub use network::subnet::{Subnet, SubnetError};
pub use network::subnet6::{Subnet6, Subnet6Error};
pub use server::{Runtime, RuntimeError, serve};
