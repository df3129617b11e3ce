//! Who may do what, and how they show who they are.
//!
//! ```text
//! connection ── certificate ──> Credential ──> User ──(impersonation)──> Authorizer ──> admission
//!               or token                                 RBAC, nodes                    nodes, escalation, accounts
//! ```

pub mod audit;
pub mod authentication;
pub mod authorization;
pub mod certificates;
pub mod encryption;
mod escalation;
mod files;
mod follow;
pub mod kubeconfig;
pub mod node_restriction;
mod reviews;
mod start;
pub mod tokens;

#[cfg(test)]
mod testing;

pub use start::{Caller, ENCRYPTION_KEYS, FOLDER, Security, SecurityError};
