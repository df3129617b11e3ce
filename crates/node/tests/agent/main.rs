//! The agent against a runtime in memory: which calls it makes, in which order, and what it makes of what it sees.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "test code")]

mod admission;
mod control;
mod crash;
mod deletion;
mod devices;
mod fake_calls;
mod fake_plugin;
mod fake_runtime;
mod harness;
mod hooks;
mod images;
mod kubelet_api;
mod objects;
mod probes;
mod restart;
mod runtime_away;
mod setup_failures;
mod start;
