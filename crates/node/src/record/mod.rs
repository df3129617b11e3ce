//! A Pod's files: what was asked for, the ledger, the timeline. Written so that a crash at any instant leaves the
//! old or the new content, never something between.

pub(crate) mod ledger_file;
pub(crate) mod node_id;
pub(crate) mod pod_file;
pub(crate) mod replace;
pub(crate) mod timeline_file;
pub(crate) mod timeline_line;
pub mod view_files;
