//! What `kubectl get` shows: the server makes the lines, a client only aligns them.
//!
//! Each kind has its [`Columns`], which are data: a name, what it says, and a function that reads the cell off an object.
//! [`table`] and [`watch_table`] put them into `Table` documents, [`partial_object`] and [`partial_list`] reduce objects to
//! their metadata.

mod age;
mod bindings;
mod columns;
mod core_kinds;
mod events;
mod field;
mod jobs;
mod jobsets;
mod labels;
mod nodes;
mod partial;
mod pod_status;
mod pods;
mod scheduling;
mod services;
mod storage;
mod table;

pub use bindings::{ROLE_BINDINGS, ROLES};
pub use columns::{Column, Columns, PLAIN};
pub use core_kinds::{CONFIG_MAPS, LEASES, NAMESPACES, SECRETS};
pub use events::EVENTS;
pub use jobs::JOBS;
pub use jobsets::JOB_SETS;
pub use nodes::NODES;
pub use partial::{partial_list, partial_object, partial_of};
pub use pods::PODS;
pub use scheduling::{PRIORITY_CLASSES, RUNTIME_CLASSES};
pub use services::SERVICES;
pub use storage::{CSI_DRIVERS, CSI_NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
pub use table::{IncludeObject, table, watch_table};

#[cfg(test)]
mod tests;
