//! What tests need to run real containers: a [workload](TESTLOAD_IMAGE), [images](image) made on the spot,
//! [manifests](manifest), and a [`Node`] that runs the `reprise` program on a data folder, bridge and subnet of its
//! own and checks that nothing is left behind.
//!
//! Development only: nothing that ships depends on this crate. Functions of the harness panic where an assertion
//! would: with what was expected and what the program said.

pub mod containerd;
mod cri_server;
mod device_plugin;
pub mod event;
pub mod image;
pub mod leftovers;
pub mod manifest;
mod net_slot;
mod node;
pub mod node_calls;
mod program;
mod run;

pub use cri_server::CriServer;
pub use device_plugin::DevicePlugin;
pub use image::TESTLOAD_IMAGE;
pub use node::{Answer, Node, Runtime};
pub use program::{reprise_path, sample_device_plugin_path, testload_path};
pub use run::{Finished, Run, RunCommand};
