//! How a node is a member of a Kubernetes cluster: its Node object and lease, its Pods from the API and their statuses to it.
//!
//! ```text
//!             +-- watch of Pods --> pods: one keeper per Pod --> the node: apply, update, delete
//! the API <---+                       ^      |
//!             +-- status, DELETE -----|------+           node_object: Node, status, lease, CSINode
//!             +-- watches by name     +-- news of the node           access: who may use the node's HTTP API
//!             |     --> references: ConfigMaps, Secrets, claims, tokens
//!             +-- events
//! ```
//!
//! The API may be away at any time and for any length: nothing here is needed for Pods to run and restart. What is to be told
//! is in the node's own records until the API has it, so it outlives the agent too.

mod access;
mod api_service;
mod backoff;
mod call;
mod connection;
mod context;
pub mod dns;
mod events;
mod member;
mod node_object;
mod options;
mod pods;
mod references;
mod runtime_classes;
mod watching;

pub use connection::{Connection, ConnectionError};
pub use member::{Member, join};
pub use node_object::KUBELET_VERSION;
pub use options::{EventRate, MemberOptions};
