//! Whether somebody may do what they ask for: `system:masters` may do all, nodes what their Pods need, and all others
//! what roles say that are bound to them. Nothing else allows anything.

mod authorizer;
mod bootstrap;
mod bootstrap_roles;
mod covers;
mod decision;
mod escalation;
mod node;
mod pod_graph;
mod policy;
mod role;
mod rule;
mod user_groups;

pub use authorizer::Authorizer;
pub use bootstrap::{bootstrap_objects, updated};
pub use decision::{Decision, forbidden};
pub use node::{NodeQuestion, node_name, node_question};
pub(super) use pod_graph::MIRROR;
pub use pod_graph::{Dependency, DependencyKind, PodGraph};
pub use policy::Policy;
pub use user_groups::{is_master, may_be_anonymous};

pub(super) use covers::uncovered;
pub(super) use escalation::{Granting, granted};
pub(super) use rule::shown;
