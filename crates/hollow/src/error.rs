//! What can go wrong with a fleet.

use std::path::PathBuf;

use reprise_cluster::ConnectionError;
use reprise_node::NodeError;

/// A fleet that can't be, or a command that can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The kubeconfig file is no use.
    #[error("no connection to the cluster is possible")]
    Connection(#[source] ConnectionError),
    /// The folder for the nodes' records can't be made.
    #[error("can't create {}, where the nodes keep their records", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The Pods' network can't be.
    #[error("can't listen on a loopback port for probes")]
    Network(#[source] std::io::Error),
    /// There can be no client for probes.
    #[error("probes can't be made")]
    Probes(#[source] NodeError),
    /// A node can't start.
    #[error("the node {name} can't start")]
    Node {
        /// Its name.
        name: String,
        /// Why.
        source: NodeError,
    },
    /// There is no such node.
    #[error("there is no node {name:?} here, or it is dead: nodes are called {first} to {last}, or by their numbers")]
    NoSuchNode {
        /// What was asked for.
        name: String,
        /// The first one's name.
        first: String,
        /// The last one's name.
        last: String,
    },
    /// No container runs there that is meant.
    #[error("on {node} runs no worker{}", container.as_ref().map(|name| format!(" called {name}")).unwrap_or_default())]
    NoSuchContainer {
        /// The node.
        node: String,
        /// The container's name, if one was given.
        container: Option<String>,
    },
}
