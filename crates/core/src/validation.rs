//! Whether a Pod is right, with the API server's words, paths and order.
//!
//! The checks expect a Pod whose defaults are filled in (see [`crate::defaults`]). What they say of it was
//! compared with a real API server v1.36 on over two hundred Pods (`tests/data/pod-validation.json`), for
//! clients and people compare such messages.

mod annotations;
mod container;
mod dns;
mod env;
mod env_files;
mod format;
mod handlers;
mod metadata;
mod mounts;
pub mod object_meta;
pub mod objects;
mod path_form;
pub mod pod_change;
pub mod pod_template;
mod ports;
mod resources;
mod restart_rules;
mod scheduling;
mod security;
mod selectors;
mod spec;
mod volumes;

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use crate::field::{FieldError, FieldPath, Report};
use crate::gated_fields;
use crate::gates::FeatureGates;
use crate::unset::{list, text};

pub(crate) use format::is_sysctl_name;
pub use format::label_value;
pub use resources::is_extended_resource_name;
pub(crate) use resources::{is_extended_resource, is_huge_pages};

/// What is allowed in a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether containers may be privileged.
    pub allow_privileged: bool,
    /// Whether containers may have restart policies and rules of their own.
    pub container_restart_rules: bool,
    /// Whether rules may restart all containers, and sidecars may have rules.
    pub restart_all_containers: bool,
}

impl Options {
    /// For a new Pod: what the feature gates say.
    #[must_use]
    pub fn for_create(gates: FeatureGates, allow_privileged: bool) -> Self {
        Self {
            allow_privileged,
            container_restart_rules: gates.container_restart_rules,
            restart_all_containers: gates.restart_all_containers_on_container_exits,
        }
    }

    /// For a change of `old`: what the gates say, and what `old` has already, so that switching a gate off
    /// makes no existing Pod wrong (semantics section 1).
    #[must_use]
    pub fn for_update(gates: FeatureGates, allow_privileged: bool, old: &Pod) -> Self {
        let new = Self::for_create(gates, allow_privileged);
        Self {
            container_restart_rules: new.container_restart_rules || gated_fields::uses_container_rules(old),
            restart_all_containers: new.restart_all_containers || gated_fields::uses_restart_all(old),
            ..new
        }
    }
}

/// Checks a new Pod with its defaults.
#[must_use]
pub fn validate_create(pod: &Pod, options: &Options) -> Vec<FieldError> {
    let no_spec = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let mut report = validate(pod, spec, options);
    let path = FieldPath::new("spec");
    if !list(&spec.ephemeral_containers).is_empty() {
        report.forbidden(path.child("ephemeralContainers"), "cannot be set on create");
    }
    if !text(&spec.node_name).is_empty() && !list(&spec.scheduling_gates).is_empty() {
        report.forbidden(path.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
    report.into_errors()
}

/// Checks a Pod that takes the place of one that exists already; `options` from [`Options::for_update`].
#[must_use]
pub fn validate_update(pod: &Pod, options: &Options) -> Vec<FieldError> {
    let no_spec = PodSpec::default();
    validate(pod, pod.spec.as_ref().unwrap_or(&no_spec), options).into_errors()
}

/// Checks the metadata of a Pod that differs from `old` in nothing else. Of their specs no more is looked at than the node.
#[must_use]
pub fn validate_metadata_update(pod: &Pod, old: &Pod) -> Vec<FieldError> {
    let no_spec = PodSpec::default();
    let mut report = Report::default();
    let path = FieldPath::new("metadata");
    metadata::check(&pod.metadata, &path, &mut report);
    annotations::check(pod, pod.spec.as_ref().unwrap_or(&no_spec), &path.child("annotations"), &mut report);
    object_meta::check_change(&pod.metadata, &old.metadata, &mut report);
    report.into_errors()
}

/// Checks a Pod that takes the place of `old` and differs from it in its ephemeral containers: they can be added, and stay
/// as they are.
#[must_use]
pub fn validate_ephemeral_update(pod: &Pod, old: &Pod, options: &Options) -> Vec<FieldError> {
    let no_spec = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let mut report = validate(pod, spec, options);
    let path = FieldPath::new("spec").child("ephemeralContainers");
    let before = old.spec.as_ref().map(|spec| list(&spec.ephemeral_containers)).unwrap_or_default();
    for known in before {
        let name = &known.name;
        match list(&spec.ephemeral_containers).iter().find(|container| container.name == *name) {
            None => {
                report.forbidden(path.clone(), &format!("existing ephemeral containers {name:?} may not be removed\n"));
            }
            Some(container) if container != known => {
                report.forbidden(path.clone(), &format!("existing ephemeral containers {name:?} may not be changed\n"));
            }
            Some(_) => {}
        }
    }
    report.into_errors()
}

fn validate(pod: &Pod, spec: &PodSpec, options: &Options) -> Report {
    let mut report = Report::default();
    let (meta_path, path) = (FieldPath::new("metadata"), FieldPath::new("spec"));
    metadata::check(&pod.metadata, &meta_path, &mut report);
    annotations::check(pod, spec, &meta_path.child("annotations"), &mut report);
    spec::check(spec, text(&pod.metadata.name), options, &path, &mut report);
    forbid_tokens_without_account(spec, &path.child("volumes"), &mut report);
    container::check_images(&spec.containers, &path.child("containers"), &mut report);
    container::check_images(list(&spec.init_containers), &path.child("initContainers"), &mut report);
    report
}

fn forbid_tokens_without_account(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    if !text(&spec.service_account_name).is_empty() {
        return;
    }
    for (v, volume) in list(&spec.volumes).iter().enumerate() {
        let sources = volume.projected.as_ref().map(|projected| list(&projected.sources)).unwrap_or_default();
        for (s, source) in sources.iter().enumerate() {
            if source.service_account_token.is_some() {
                let path = path.index(v).child("projected").child("sources").index(s).child("serviceAccountToken");
                report.forbidden(path, "must not be specified when serviceAccountName is not set");
            }
        }
    }
}

/// A value that must be one of a few, and must be there.
fn check_one_of(value: &str, supported: &[&str], path: FieldPath, report: &mut Report) {
    match value {
        "" => report.required(path, ""),
        known if supported.contains(&known) => {}
        other => report.not_supported(path, other, supported),
    }
}
