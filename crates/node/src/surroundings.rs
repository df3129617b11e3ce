//! What a node reaches beyond its process: the runtime, and its Pods' ports.

use std::path::Path;

use reprise_cri::CriClient;

use crate::error::NodeError;
use crate::health::http::ProbeClient;

/// The ways out of a node. The usual ones are a socket and the machine's network; a simulation has others.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// To the container runtime.
    pub runtime: CriClient,
    /// For HTTP probes and hooks.
    pub probes: ProbeClient,
}

impl Surroundings {
    /// A runtime at `socket`, whose Pods this machine reaches by their addresses. Nothing is connected yet.
    ///
    /// # Errors
    /// If nothing can listen at that path, or there can be no client for probes.
    pub fn of_machine(socket: &Path) -> Result<Self, NodeError> {
        let unreachable = |error| NodeError::Runtime { socket: socket.to_owned(), source: Box::new(error) };
        Ok(Self { runtime: CriClient::connect(socket).map_err(unreachable)?, probes: ProbeClient::direct()? })
    }
}
