//! The kubelet's HTTP API, over TLS: what its clients (API servers, metrics collectors, people with curl) ask a node.
//!
//! ```text
//! TLS -> who asks? -> route -> Pods, logs, metrics, statistics: answered here
//!                          \-> exec, attach, port-forward: the runtime gives a URL, and both ends are joined there
//! ```
//!
//! Only `/healthz` is open to everybody. For all else a client needs a certificate of the configured authority, or
//! the token that lies in the data folder: whoever may use this API can run commands in containers. In a cluster, which says
//! whose a token is, the cluster also says what the owner of a token or certificate may do here.

mod access;
mod answer;
mod cadvisor;
mod certificate;
mod config;
mod configz;
mod disk;
mod error;
mod listen;
mod logs;
pub(crate) mod machine;
mod pods;
mod proxy;
mod query;
mod resource;
mod review;
mod route;
mod serve;
mod stats;
mod stream;
mod tls;
mod token;

pub use config::HttpConfig;
pub use error::HttpError;
pub(crate) use listen::{Listening, start};
pub use review::{AccessReview, Identity};
