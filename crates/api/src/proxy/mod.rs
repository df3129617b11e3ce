//! What only the node of a Pod can answer: its logs, processes in its containers, its ports.
//!
//! ```text
//! client <--TLS--> this server <--TLS--> the node's kubelet API
//! ```
//!
//! The node speaks the same protocols as clients do (it declares `ExtendWebSocketsToKubelet`), so a stream is two requests
//! joined at their upgrades: nothing of it is understood here.

mod connect;
mod log;
mod pod;
mod stream;
mod trust;

pub(crate) use connect::Kubelets;
pub(crate) use log::log;
pub(crate) use stream::stream;
