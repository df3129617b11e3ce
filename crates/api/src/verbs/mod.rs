//! What is done with objects: one way for all kinds.
//!
//! ```text
//! create ------------------> metadata, admission, the kind's own checks, managed fields --> store
//! update, patch, status ---> the same over what is there, again if somebody was faster ---> store
//! delete ------------------> grace, finalizers; what nothing holds goes at once ----------> store
//! get, list, watch <------------------------------------------------------------------------ store
//! ```

mod answer;
mod asked;
mod change;
mod continue_token;
mod create;
mod delete;
mod delete_collection;
mod get;
mod list;
pub(crate) mod metadata;
mod ownership;
mod patch;
mod present;
mod propagation;
mod replace;
mod review;
mod selection;
mod subresources;
mod watch;
mod write;

pub(crate) use answer::Answer;
pub(crate) use asked::Asked;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use delete_collection::delete_collection;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use patch::patch;
pub(crate) use present::present;
pub(crate) use replace::replace;
pub(crate) use review::review;
pub(crate) use subresources::subresource;
pub(crate) use watch::watch;
pub(crate) use write::put;
