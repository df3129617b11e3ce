//! The checks of requests and limits.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ContainerResizePolicy, ResourceClaim, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::format;
use crate::field::{FieldPath, Report};
use crate::quantity::Quantity;
use crate::unset::{entries, list, text};

const HUGE_PAGES: &str = "hugepages-";
const STANDARD: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const RESIZE_POLICIES: [&str; 2] = ["NotRequired", "RestartContainer"];

/// `claims`: the names of the Pod's resource claims.
pub(super) fn check(resources: &ResourceRequirements, claims: &BTreeSet<&str>, path: &FieldPath, report: &mut Report) {
    let (limits, requests) = (path.child("limits"), path.child("requests"));
    for (name, quantity) in entries(&resources.limits) {
        check_entry(name, quantity, &limits.key(name), report);
    }
    for (name, quantity) in entries(&resources.requests) {
        check_entry(name, quantity, &requests.key(name), report);
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(name));
        check_against_limit(name, quantity, limit, (&limits, &requests), report);
    }
    let names = || entries(&resources.limits).chain(entries(&resources.requests)).map(|(name, _)| name.as_str());
    if names().any(is_huge_pages) && !names().any(|name| name == "cpu" || name == "memory") {
        report.forbidden(path.clone(), "HugePages require cpu or memory");
    }
    check_claims(list(&resources.claims), claims, &path.child("claims"), report);
}

/// A list of quantities that is no request or limit, such as `overhead`.
pub(super) fn check_limits(limits: &BTreeMap<String, ApiQuantity>, path: &FieldPath, report: &mut Report) {
    let resources = ResourceRequirements { limits: Some(limits.clone()), ..ResourceRequirements::default() };
    check(&resources, &BTreeSet::new(), path, report);
}

pub(crate) fn is_huge_pages(name: &str) -> bool {
    name.starts_with(HUGE_PAGES)
}

/// Resources of Kubernetes itself: no domain, or one of its own.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Resources that others than Kubernetes bring: devices of plugins.
pub(crate) fn is_extended_resource(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.")
}

/// Whether a device plugin may have a resource of this name.
#[must_use]
pub fn is_extended_resource_name(name: &str) -> bool {
    is_extended_resource(name) && format::qualified_name(name).is_empty()
}

/// Extended resources and huge pages cannot be given out twice.
fn is_overcommit_allowed(name: &str) -> bool {
    is_native(name) && !is_huge_pages(name)
}

fn check_entry(name: &str, quantity: &ApiQuantity, path: &FieldPath, report: &mut Report) {
    check_name(name, path, report);
    let Ok(quantity) = Quantity::of(quantity) else { return };
    if quantity.nanos() < 0 {
        report.invalid(path.clone(), quantity.to_string(), "must be greater than or equal to 0");
    }
    if is_extended_resource(name) && quantity.nanos() % 1_000_000_000 != 0 {
        report.invalid(path.clone(), quantity.to_string(), "must be an integer");
    }
    if is_huge_pages(name) {
        check_huge_pages(name, quantity, path, report);
    }
}

fn check_name(name: &str, path: &FieldPath, report: &mut Report) {
    let problems = format::qualified_name(name);
    let well_formed = problems.is_empty();
    report.invalid_each(path, name, problems);
    if !well_formed {
        return;
    }
    if !name.contains('/') {
        if !STANDARD.contains(&name) && !is_huge_pages(name) {
            report.invalid(path.clone(), name, "must be a standard resource type or fully qualified");
        }
    } else if is_native(name) || name.starts_with("requests.") {
        report.invalid(path.clone(), name, "doesn't follow extended resource name standard");
    }
}

fn check_huge_pages(name: &str, quantity: Quantity, path: &FieldPath, report: &mut Report) {
    let page = name.strip_prefix(HUGE_PAGES).and_then(|size| size.parse::<Quantity>().ok());
    let divisible = page.is_some_and(|page| page.nanos() > 0 && quantity.nanos() % page.nanos() == 0);
    if !divisible {
        let detail = format!("{quantity} is not positive integer multiple of {name}");
        report.invalid(path.clone(), quantity.to_string(), &detail);
    }
}

fn check_against_limit(
    name: &str,
    request: &ApiQuantity,
    limit: Option<&ApiQuantity>,
    (limits, requests): (&FieldPath, &FieldPath),
    report: &mut Report,
) {
    let Ok(request) = Quantity::of(request) else { return };
    match limit.map(Quantity::of) {
        Some(Ok(limit)) if request != limit && !is_overcommit_allowed(name) => {
            let detail = format!("must be equal to {name} limit of {limit}");
            report.invalid(requests.clone(), request.to_string(), &detail);
        }
        Some(Ok(limit)) if request > limit => {
            let detail = format!("must be less than or equal to {name} limit of {limit}");
            report.invalid(requests.clone(), request.to_string(), &detail);
        }
        Some(_) => {}
        None if !is_overcommit_allowed(name) => {
            report.required(limits.clone(), "Limit must be set for non overcommitable resources");
        }
        None => {}
    }
}

fn check_claims(used: &[ResourceClaim], known: &BTreeSet<&str>, path: &FieldPath, report: &mut Report) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (i, claim) in used.iter().enumerate() {
        let path = path.index(i);
        let (name, request) = (claim.name.as_str(), text(&claim.request));
        if name.is_empty() {
            report.required(path, "");
            continue;
        }
        if !request.is_empty() {
            report.invalid_each(&path.child("request"), request, format::dns_label(request));
        }
        // A claim without a request covers all of its requests.
        let covered =
            |&(other, part): &(&str, &str)| other == name && (part == request || part.is_empty() || request.is_empty());
        if seen.iter().any(covered) {
            report.duplicate(path.clone(), name);
        }
        seen.push((name, request));
        if !known.contains(name) {
            let names: Vec<&str> = known.iter().copied().collect();
            let rest = if names.is_empty() { " which is empty".to_owned() } else { format!(": {}", names.join(", ")) };
            report.not_found(path, name, &format!("must be one of the names in pod.spec.resourceClaims{rest}"));
        }
    }
}

pub(super) fn check_resize(
    policies: &[ContainerResizePolicy],
    pod_restart_policy: &str,
    path: &FieldPath,
    report: &mut Report,
) {
    let mut seen = BTreeSet::new();
    for (i, policy) in policies.iter().enumerate() {
        if !seen.insert(policy.resource_name.as_str()) {
            report.duplicate(path.index(i), &policy.resource_name);
        }
        match policy.resource_name.as_str() {
            "cpu" | "memory" => {}
            "" => report.required(path.clone(), ""),
            other => report.not_supported(path.clone(), other, &["cpu", "memory"]),
        }
        match policy.restart_policy.as_str() {
            "" => report.required(path.clone(), ""),
            known if RESIZE_POLICIES.contains(&known) => {}
            other => report.not_supported(path.clone(), other, &RESIZE_POLICIES),
        }
        if pod_restart_policy == "Never" && policy.restart_policy != "NotRequired" {
            let detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            report.invalid(path.clone(), &policy.restart_policy, detail);
        }
    }
}
