//! What a JobSet (`jobset.x-k8s.io/v1alpha2`) means: its types, defaults and checks, and the protocol by which its Pods restart in place.
//!
//! Pure as the core is: no I/O, no clock, no async. The API admits JobSets with it, the controller runs them, and the agent in
//! each Pod asks [`barrier`] what to do.

pub mod barrier;
mod changes;
mod checks;
mod defaults;
pub mod names;
mod schema;
mod types;
mod warnings;

pub use changes::check_change;
pub use checks::check;
pub use defaults::set_defaults;
pub use types::{
    Coordinator, DependsOn, FailurePolicy, FailurePolicyRule, JobSet, JobSetSpec, JobSetStatus, Network, ReplicatedJob,
    ReplicatedJobStatus, StartupPolicy, SuccessPolicy, VolumeClaimPolicy, VolumeRetentionPolicy,
};
pub use warnings::warnings;
