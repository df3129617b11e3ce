//! The way of a new Pod in: from what was decoded to what is stored and run, or to the answer that refuses it.
//!
//! The order is the API server's: names and priority are settled, fields without a gate are emptied, defaults
//! are set, and then the Pod is checked. What it needs of chance and time comes in as a value ([`Fresh`]).

mod change;
mod ephemeral;
mod priority;
mod rejection;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::gates::FeatureGates;
use crate::manifest::{DecodeError, Decoded};
use crate::unset::text;
use crate::validation::Options;
use crate::{defaults, gated_fields, validation};

pub use change::admit_change;
pub use ephemeral::admit_ephemeral;
pub use rejection::Rejection;

/// Letters that generated names end with; no vowels and nothing that looks like another.
pub const SUFFIX_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them a generated name gets.
pub const SUFFIX_LENGTH: usize = 5;
/// The longest prefix that a name is generated from; what is longer is cut.
const MAX_PREFIX: usize = 63 - SUFFIX_LENGTH;

/// What every Pod is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The feature gates.
    pub gates: FeatureGates,
    /// Whether containers may be privileged.
    pub allow_privileged: bool,
}

/// What is new about one Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// Its UID.
    pub uid: String,
    /// Random letters ([`SUFFIX_LETTERS`], [`SUFFIX_LENGTH`]) for a generated name.
    pub suffix: String,
    /// When it is created.
    pub now: Timestamp,
}

/// A Pod that was let in.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The Pod with its name, UID and all defaults.
    pub pod: Pod,
    /// Texts for Kubernetes `Warning`s.
    pub warnings: Vec<String>,
}

/// Lets a new Pod in, or says why not.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit(decoded: Result<Decoded, DecodeError>, policy: &Policy, fresh: Fresh) -> Result<Admitted, Rejection> {
    let decoded = decoded.map_err(|error| Rejection::bad_request(&error))?;
    admit_with_classes(decoded, policy, fresh, &priority::system_class)
}

/// The same where there are priority classes: `class` gives the one of a name, and for the empty name the one that counts
/// for Pods that name none, if there is one.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit_with_classes(
    decoded: Decoded,
    policy: &Policy,
    fresh: Fresh,
    class: &dyn Fn(&str) -> Option<PriorityClass>,
) -> Result<Admitted, Rejection> {
    let Decoded { mut pod, warnings } = decoded;
    generate_name(&mut pod, &fresh.suffix);
    priority::set(&mut pod, class)?;
    gated_fields::drop_disabled(&mut pod, None, policy.gates);
    defaults::set_defaults(&mut pod);
    settle_metadata(&mut pod, fresh);
    let options = Options::for_create(policy.gates, policy.allow_privileged);
    let errors = validation::validate_create(&pod, &options);
    if errors.is_empty() { Ok(Admitted { pod, warnings }) } else { Err(Rejection::invalid(&pod, errors)) }
}

/// Lets a Pod take the place of `old`, whose identity it gets; what `old` uses stays allowed.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit_update(decoded: Result<Decoded, DecodeError>, old: &Pod, policy: &Policy) -> Result<Admitted, Rejection> {
    let Decoded { mut pod, warnings } = decoded.map_err(|error| Rejection::bad_request(&error))?;
    if pod.metadata.name.is_none() {
        pod.metadata.name.clone_from(&old.metadata.name);
    }
    pod.metadata.uid.clone_from(&old.metadata.uid);
    pod.metadata.creation_timestamp.clone_from(&old.metadata.creation_timestamp);
    pod.metadata.generation = old.metadata.generation;
    priority::set(&mut pod, &priority::system_class)?;
    gated_fields::drop_disabled(&mut pod, Some(old), policy.gates);
    defaults::set_defaults(&mut pod);
    let options = Options::for_update(policy.gates, policy.allow_privileged, old);
    let errors = validation::validate_update(&pod, &options);
    if errors.is_empty() { Ok(Admitted { pod, warnings }) } else { Err(Rejection::invalid(&pod, errors)) }
}

fn generate_name(pod: &mut Pod, suffix: &str) {
    let prefix = text(&pod.metadata.generate_name);
    if text(&pod.metadata.name).is_empty() && !prefix.is_empty() {
        let end = prefix.char_indices().nth(MAX_PREFIX).map_or(prefix.len(), |(end, _)| end);
        pod.metadata.name = Some(format!("{}{suffix}", &prefix[..end]));
    }
}

/// What no author may choose.
fn settle_metadata(pod: &mut Pod, fresh: Fresh) {
    let meta = &mut pod.metadata;
    meta.uid = Some(fresh.uid);
    meta.creation_timestamp = Some(Time(fresh.now));
    meta.generation = Some(1);
    meta.deletion_timestamp = None;
    meta.deletion_grace_period_seconds = None;
    meta.resource_version = None;
    pod.status = None;
}

#[cfg(test)]
mod tests;
