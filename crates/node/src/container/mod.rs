//! What a container of the spec is to the runtime: pure functions from Pod, image and node to CRI's `ContainerConfig`.

pub(crate) mod build;
pub(crate) mod env;
mod env_file;
pub(crate) mod error;
pub(crate) mod expansion;
pub(crate) mod field_ref;
pub(crate) mod find;
pub(crate) mod resource_ref;
pub(crate) mod resources;
pub(crate) mod security;
pub(crate) mod termination;
pub(crate) mod user;
pub(crate) mod variables;
