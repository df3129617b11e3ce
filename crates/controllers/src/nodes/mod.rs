//! Nodes that are not heard of any more, what that means for their Pods, and nodes that are back.
//!
//! ```text
//! lease not renewed for 40 s -> Ready=Unknown -> taints -> Pods leave when their toleration is over (300 s)
//! lease renewed, Ready=True  -> taints go
//! ```
//!
//! How old a lease is, is measured by when its change was seen, not by the node's clock. A Pod that leaves is deleted as by
//! anybody else: it goes when its node says that it has ended, or when the node is gone.

mod eviction;
mod health;
mod heartbeat;
mod run;
mod taints;

pub(crate) use eviction::Eviction;
pub(crate) use run::NodeHealth;
