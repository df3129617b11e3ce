//! The node agent: runs Pods on this machine through a container runtime that serves CRI.
//!
//! All decisions about a Pod are taken by [`reprise_core::plan::plan`]; this crate looks, remembers, acts and tells:
//!
//! ```text
//! runtime --events, listings--> observer --mail--> worker (one per Pod) --plan--> ledger.json, CRI calls
//!                                                     |
//!                                                     +--> publisher --> subscribers, status.json
//! ```
//!
//! [`Node`] is the agent within a process, [`ControlClient`] the way to one that runs in another.

mod agent_lock;
mod api_service;
mod capacity;
mod care;
mod config;
mod container;
pub mod control;
mod correlator;
mod devices;
mod error;
mod events;
mod fault;
mod health;
mod http;
mod image;
mod kernel_security;
mod kubelet_config;
mod log_choice;
mod log_files;
mod metrics;
mod node;
mod objects;
mod observer;
mod owned_task;
mod paths;
mod pod_cgroups;
mod pod_key;
mod publisher;
mod quantity;
mod record;
mod runtime_calls;
mod sandbox;
mod static_pods;
mod surroundings;
mod view;
mod volumes;
mod worker;

pub use api_service::ApiService;
pub use config::NodeConfig;
pub use control::client::{ControlClient, ControlError};
pub use error::{NodeError, chain};
pub use events::{EventType, PodEvent};
pub use health::http::ProbeClient;
pub use http::{AccessReview, HttpConfig, HttpError, Identity};
pub use kernel_security::KernelSecurity;
pub use kubelet_config::{EvictionHard, KubeletConfigError, KubeletConfiguration};
pub use log_choice::{NoLog, attempt as log_attempt};
pub use log_files::source::{Progress as LogProgress, Source as LogSource};
pub use node::{Applied, HandlerReport, Node, Pressure, Report, RuntimeReport, WantedStreams};
pub use paths::{NodePaths, PodPaths};
pub use pod_key::PodKey;
pub use publisher::{News, NodeEvent};
pub use record::timeline_line::entry_json;
pub use record::view_files::read_views;
pub use static_pods::StaticPodConfig;
pub use surroundings::Surroundings;
pub use view::PodView;
