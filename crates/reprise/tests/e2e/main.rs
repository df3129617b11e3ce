//! Real containers, run by the real program as root. Every test has its own node (data folder, bridge, subnet), and
//! fails if the node leaves a process, mount, namespace, link or cgroup behind.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[macro_use]
mod runtimes;

mod api_crash;
mod care;
mod client_libraries;
mod containerd;
mod crash;
mod crash_life;
mod cri_streams;
mod debug;
mod deletion;
mod demo;
mod devices;
mod examples;
mod fleet;
mod health;
mod images;
mod input;
mod kubectl;
mod kubelet_api;
mod machine;
mod members;
mod network;
mod outcomes;
mod pod_features;
mod pod_fields;
mod resources;
mod scene;
mod settings_file;
mod slow_registry;
mod static_pods;
mod streams;
mod telling;
mod terminal;
mod training;
mod triggers;
mod verbs;
mod volumes;
