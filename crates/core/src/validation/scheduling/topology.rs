//! The checks of topology spread constraints.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::TopologySpreadConstraint;

use super::super::metadata;
use super::label_selector;
use crate::field::{FieldPath, Report};

const ACTIONS: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
const POLICIES: [&str; 2] = ["Honor", "Ignore"];
const POSITIVE: &str = "must be greater than zero";

pub(in super::super) fn check(constraints: &[TopologySpreadConstraint], path: &FieldPath, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for (i, constraint) in constraints.iter().enumerate() {
        let path = path.index(i);
        if constraint.max_skew <= 0 {
            report.invalid(path.child("maxSkew"), constraint.max_skew, POSITIVE);
        }
        match constraint.topology_key.as_str() {
            "" => report.required(path.child("topologyKey"), "can not be empty"),
            key => metadata::check_label_name(key, &path.child("topologyKey"), report),
        }
        let action = constraint.when_unsatisfiable.as_str();
        if !ACTIONS.contains(&action) {
            report.not_supported(path.child("whenUnsatisfiable"), action, &ACTIONS);
        }
        if !seen.insert((&constraint.topology_key, action)) {
            let pair = format!("{{{}, {action}}}", constraint.topology_key);
            report.duplicate(path.child("{topologyKey, whenUnsatisfiable}"), &pair);
        }
        check_domains(constraint, &path, report);
        let policies = [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ];
        for (name, policy) in policies {
            if let Some(policy) = policy.as_deref().filter(|policy| !POLICIES.contains(policy)) {
                report.not_supported(path.child(name), policy, &POLICIES);
            }
        }
        label_selector::check(constraint.label_selector.as_ref(), &path.child("labelSelector"), report);
    }
}

fn check_domains(constraint: &TopologySpreadConstraint, path: &FieldPath, report: &mut Report) {
    let Some(domains) = constraint.min_domains else { return };
    if domains <= 0 {
        report.invalid(path.child("minDomains"), domains, POSITIVE);
    }
    if constraint.when_unsatisfiable == "ScheduleAnyway" {
        let detail = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway";
        report.invalid(path.child("minDomains"), domains, detail);
    }
}
