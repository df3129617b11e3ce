//! What a Pod means: restart rules, epochs, the plan, status, validation.
//!
//! Pure by construction: the manifest has no async runtime and nothing here does I/O, reads a clock or
//! keeps state. Time and observations come in as values; actions go out as values.

pub mod action;
pub mod admission;
pub mod annotations;
pub mod api_pod;
pub mod backoff;
pub mod clock;
pub mod defaults;
pub mod devices;
pub mod ephemeral_storage;
pub mod field;
pub mod gated_fields;
pub mod gates;
pub mod hook;
pub mod image_collection;
pub mod label_selector;
pub mod ledger;
pub mod log_rotation;
pub mod manifest;
pub mod node_admission;
pub mod objects;
pub mod observed;
pub mod plan;
pub mod probe;
pub mod qos;
pub mod quantity;
pub mod registry_credentials;
pub mod remains;
pub mod resources;
pub mod roles;
pub mod rules;
pub mod static_pod;
pub mod step;
pub mod taints;
pub mod timeline;
pub mod unset;
pub mod unsupported;
pub mod validation;
