//! A node as a member of a cluster: the real agent over a runtime in memory, and the real API over TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code, reason = "test code")]

#[path = "../../../node/tests/agent/fake_calls.rs"]
mod fake_calls;
#[path = "../../../node/tests/agent/fake_runtime.rs"]
mod fake_runtime;

mod access;
mod away;
mod node_object;
mod objects;
mod pods;
mod scene;
mod static_pods;
