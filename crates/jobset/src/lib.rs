//! What a JobSet (`jobset.x-k8s.io/v1alpha2`) means: its types, defaults and checks, and the protocol by which its Pods restart in place.
//!
//! Pure as the core is: no I/O, no clock, no async. The API admits JobSets with it, the controller runs them, and the agent in
//! each Pod asks [`barrier`] what to do. The agent is built without the feature `objects`, so that it stays small: all modules but
//! [`barrier`] and [`names`] need that feature.

pub mod barrier;
#[cfg(feature = "objects")]
mod budget;
#[cfg(feature = "objects")]
mod changes;
#[cfg(feature = "objects")]
mod checks;
#[cfg(feature = "objects")]
pub mod conditions;
#[cfg(feature = "objects")]
mod crd;
#[cfg(feature = "objects")]
pub mod decision;
#[cfg(feature = "objects")]
mod defaults;
#[cfg(feature = "objects")]
pub mod fleet;
#[cfg(feature = "objects")]
pub mod in_place;
#[cfg(feature = "objects")]
pub mod job;
pub mod names;
#[cfg(feature = "objects")]
pub mod network;
#[cfg(feature = "objects")]
mod schema;
#[cfg(feature = "objects")]
mod types;
#[cfg(feature = "objects")]
mod volume_claims;
#[cfg(feature = "objects")]
mod warnings;

#[cfg(feature = "objects")]
pub use changes::check_change;
#[cfg(feature = "objects")]
pub use checks::check;
#[cfg(feature = "objects")]
pub use crd::crd;
#[cfg(feature = "objects")]
pub use defaults::set_defaults;
#[cfg(feature = "objects")]
pub use types::{
    Coordinator, DependsOn, FailurePolicy, FailurePolicyRule, JobSet, JobSetSpec, JobSetStatus, Network, ReplicatedJob,
    ReplicatedJobStatus, StartupPolicy, SuccessPolicy, VolumeClaimPolicy, VolumeRetentionPolicy,
};
#[cfg(feature = "objects")]
pub use volume_claims::claims;
#[cfg(feature = "objects")]
pub use warnings::warnings;
