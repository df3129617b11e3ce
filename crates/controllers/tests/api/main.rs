//! The controllers against the embedded API, with a node that only says what a node would say.

#![allow(clippy::unwrap_used)]

mod claims;
mod jobs;
mod jobsets;
mod leadership;
mod life;
mod node;
mod nodes;
mod placing;
mod scene;
