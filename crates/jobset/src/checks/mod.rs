//! What is wrong with a JobSet, in the published words.

mod coordinator;
mod in_place;
mod policies;
mod replicated_jobs;
mod volume_claims;

use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::text;
use reprise_core::validation::object_meta::NameForm;

use crate::types::{JobSet, JobSetSpec};

const MAX_MANAGER: usize = 63;
/// The message of a name that is longer than a DNS label.
const TOO_LONG: &str = "must be no more than 63 characters";

/// Adds to the report what is wrong with a JobSet that has its defaults.
pub fn check(set: &JobSet, report: &mut Report) {
    let Some(spec) = &set.spec else { return };
    let path = FieldPath::new("spec");
    replicated_jobs::check(set, spec, &path.child("replicatedJobs"), report);
    policies::check(spec, &path, report);
    check_network(spec, &path, report);
    check_rest(spec, &path, report);
    coordinator::check(set, spec, &path.child("coordinator"), report);
    volume_claims::check(set, spec, &path, report);
    if crate::in_place::Standing::of(set).is_some() {
        in_place::check(spec, &path.child("replicatedJobs"), report);
    }
}

/// What keeps a name from being one of a service or a Job, with this said of one that is too long.
fn name_problems(name: &str, too_long: &str) -> Vec<String> {
    let say = |problem: String| if problem == TOO_LONG { too_long.to_owned() } else { problem };
    NameForm::ServiceLabel.problems(name).into_iter().map(say).collect()
}

fn check_network(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    let subdomain = spec.network.as_ref().map(|network| text(&network.subdomain)).unwrap_or_default();
    if subdomain.is_empty() {
        return;
    }
    let path = path.child("network").child("subdomain");
    report.invalid_each(&path, subdomain, NameForm::Subdomain.problems(subdomain));
    let too_long = ".spec.network.subdomain is too long, must be less than 63 characters";
    report.invalid_each(&path, subdomain, name_problems(subdomain, too_long));
}

fn check_rest(spec: &JobSetSpec, path: &FieldPath, report: &mut Report) {
    if let Some(seconds) = spec.ttl_seconds_after_finished.filter(|seconds| *seconds < 0) {
        let detail = "spec.ttlSecondsAfterFinished in body should be greater than or equal to 0";
        report.invalid(path.child("ttlSecondsAfterFinished"), seconds, detail);
    }
    let Some(manager) = spec.managed_by.as_deref() else { return };
    let path = path.child("managedBy");
    if !is_domain_prefixed(manager) {
        report.invalid(path.clone(), manager, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    }
    if manager.len() > MAX_MANAGER {
        report.too_long(path, MAX_MANAGER);
    }
}

fn is_domain_prefixed(path: &str) -> bool {
    let parts = path.split_once('/');
    parts.is_some_and(|(domain, rest)| NameForm::Subdomain.problems(domain).is_empty() && !rest.is_empty())
}

#[cfg(test)]
#[path = "../checks_tests.rs"]
mod tests;
