//! The checks of fields that say where a Pod may run. One node decides nothing by them, but a Pod that is
//! wrong in a cluster is wrong here.

mod affinity;
mod label_selector;
mod tolerations;
mod topology;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodResourceClaim, PodSpec};

use super::format;
use crate::field::{BadValue, FieldPath, Report};
use crate::unset::list;

pub(super) use affinity::check as check_affinity;
pub(super) use affinity::check_selector as check_node_selector;
pub(super) use label_selector::check as check_label_selector;
pub(super) use tolerations::check as check_tolerations;
pub(super) use topology::check as check_topology;

pub(super) fn check_gates(spec: &PodSpec, path: &FieldPath, report: &mut Report) {
    for (i, gate) in list(&spec.readiness_gates).iter().enumerate() {
        let path = path.child("readinessGates").index(i).child("conditionType");
        report.invalid_each(&path, &gate.condition_type, format::qualified_name(&gate.condition_type));
    }
    let mut seen = BTreeSet::new();
    for (i, gate) in list(&spec.scheduling_gates).iter().enumerate() {
        let path = path.child("schedulingGates").index(i);
        report.invalid_each(&path, &gate.name, format::qualified_name(&gate.name));
        if !seen.insert(&gate.name) {
            report.duplicate(path, &gate.name);
        }
    }
}

/// Gives the names of the claims.
pub(super) fn check_claims<'a>(
    claims: &'a [PodResourceClaim],
    path: &FieldPath,
    report: &mut Report,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (i, claim) in claims.iter().enumerate() {
        let path = path.index(i);
        let name = claim.name.as_str();
        if name.is_empty() {
            report.required(path.child("name"), "");
        } else if names.contains(name) {
            report.duplicate(path.child("name"), name);
        } else {
            report.invalid_each(&path.child("name"), name, format::dns_label(name));
            names.insert(name);
        }
        let fields = [
            ("resourceClaimName", &claim.resource_claim_name),
            ("resourceClaimTemplateName", &claim.resource_claim_template_name),
        ];
        let problem = match fields.iter().filter(|(_, value)| value.is_some()).count() {
            0 => Some("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
            2 => Some("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"),
            _ => None,
        };
        if let Some(problem) = problem {
            report.invalid(path.clone(), BadValue::json(claim), problem);
        }
        for (field, value) in fields {
            if let Some(value) = value {
                report.invalid_each(&path.child(field), value, format::dns_subdomain(value));
            }
        }
    }
    names
}
