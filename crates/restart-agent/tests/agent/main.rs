//! The real program against a small API server over TLS that serves one JobSet and takes one annotation.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod away;
mod barrier;
mod environment;
mod fake_api;
mod main_container;
mod scene;
