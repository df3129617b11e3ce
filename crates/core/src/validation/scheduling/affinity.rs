//! The checks of affinities to nodes and to other Pods.

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
    WeightedPodAffinityTerm,
};

use super::super::{format, metadata};
use super::label_selector;
use crate::field::{FieldPath, Report};
use crate::unset::list;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(in super::super) fn check(affinity: &Affinity, path: &FieldPath, report: &mut Report) {
    if let Some(nodes) = &affinity.node_affinity {
        check_nodes(nodes, &path.child("nodeAffinity"), report);
    }
    if let Some(pods) = &affinity.pod_affinity {
        let required = list(&pods.required_during_scheduling_ignored_during_execution);
        let preferred = list(&pods.preferred_during_scheduling_ignored_during_execution);
        check_pods(required, preferred, &path.child("podAffinity"), report);
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        let required = list(&pods.required_during_scheduling_ignored_during_execution);
        let preferred = list(&pods.preferred_during_scheduling_ignored_during_execution);
        check_pods(required, preferred, &path.child("podAntiAffinity"), report);
    }
}

fn check_nodes(nodes: &NodeAffinity, path: &FieldPath, report: &mut Report) {
    if let Some(selector) = &nodes.required_during_scheduling_ignored_during_execution {
        check_selector(selector, &path.child(REQUIRED), report);
    }
    for (i, term) in list(&nodes.preferred_during_scheduling_ignored_during_execution).iter().enumerate() {
        let path = path.child(PREFERRED).index(i);
        check_weight(term.weight, &path, report);
        check_term(&term.preference, false, &path.child("preference"), report);
    }
}

pub(in super::super) fn check_selector(selector: &NodeSelector, path: &FieldPath, report: &mut Report) {
    let path = path.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        report.required(path.clone(), "must have at least one node selector term");
    }
    for (i, term) in selector.node_selector_terms.iter().enumerate() {
        check_term(term, true, &path.index(i), report);
    }
}

fn check_weight(weight: i32, path: &FieldPath, report: &mut Report) {
    if !(1..=100).contains(&weight) {
        report.invalid(path.child("weight"), weight, "must be in the range 1-100");
    }
}

/// `values_too`: values that no label can have are errors; in preferences they are not, for old objects.
fn check_term(term: &NodeSelectorTerm, values_too: bool, path: &FieldPath, report: &mut Report) {
    for (i, requirement) in list(&term.match_expressions).iter().enumerate() {
        check_expression(requirement, values_too, &path.child("matchExpressions").index(i), report);
    }
    for (i, requirement) in list(&term.match_fields).iter().enumerate() {
        check_field(requirement, &path.child("matchFields").index(i), report);
    }
}

fn check_expression(requirement: &NodeSelectorRequirement, values_too: bool, path: &FieldPath, report: &mut Report) {
    let values = list(&requirement.values);
    let values_path = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            report.required(values_path.clone(), "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            report.forbidden(values_path.clone(), detail);
        }
        "Gt" | "Lt" if values.len() != 1 => {
            report.required(values_path.clone(), "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => report.invalid(path.child("operator"), other, "not a valid selector operator"),
    }
    metadata::check_label_name(&requirement.key, &path.child("key"), report);
    for (i, value) in values.iter().enumerate().filter(|_| values_too) {
        report.invalid_each(&values_path.index(i), value, format::label_value(value));
    }
}

fn check_field(requirement: &NodeSelectorRequirement, path: &FieldPath, report: &mut Report) {
    let values = list(&requirement.values);
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            report.required(path.child("values"), detail);
        }
        "In" | "NotIn" => {}
        other => report.invalid(path.child("operator"), other, "not a valid selector operator"),
    }
    if requirement.key != "metadata.name" {
        report.invalid(path.child("key"), &requirement.key, "not a valid field selector key");
        return;
    }
    for (i, value) in values.iter().enumerate() {
        report.invalid_each(&path.child("values").index(i), value, format::dns_subdomain(value));
    }
}

fn check_pods(
    required: &[PodAffinityTerm],
    preferred: &[WeightedPodAffinityTerm],
    path: &FieldPath,
    report: &mut Report,
) {
    for (i, term) in required.iter().enumerate() {
        check_pod_term(term, &path.child(REQUIRED).index(i), report);
    }
    for (i, term) in preferred.iter().enumerate() {
        let path = path.child(PREFERRED).index(i);
        check_weight(term.weight, &path, report);
        check_pod_term(&term.pod_affinity_term, &path.child("podAffinityTerm"), report);
    }
}

fn check_pod_term(term: &PodAffinityTerm, path: &FieldPath, report: &mut Report) {
    label_selector::check(term.label_selector.as_ref(), &path.child("labelSelector"), report);
    label_selector::check(term.namespace_selector.as_ref(), &path.child("namespaceSelector"), report);
    for namespace in list(&term.namespaces) {
        report.invalid_each(&path.child("namespace"), namespace, format::dns_label(namespace));
    }
    if term.topology_key.is_empty() {
        report.required(path.child("topologyKey"), "can not be empty");
    }
    metadata::check_label_name(&term.topology_key, &path.child("topologyKey"), report);
}
