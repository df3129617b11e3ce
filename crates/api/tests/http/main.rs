//! The server as its clients see it: HTTP over TLS, requests and answers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod kinds;
mod load;
mod pods;
mod security;
mod validation;
mod verbs;
mod watches;
