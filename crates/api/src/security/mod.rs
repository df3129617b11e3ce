//! Who may do what, and how they show who they are.
//!
//! ```text
//! connection ── certificate ──> Credential ──> User ──(impersonation)──> Authorizer ──> admission
//!               or token                                 RBAC, nodes                    nodes, escalation, accounts
//! ```

pub mod authentication;
pub mod authorization;
pub mod certificates;
mod files;
pub mod kubeconfig;
