//! JobSets (`jobset.x-k8s.io/v1alpha2`): groups of Jobs that run as one. What they mean is another crate's.

use reprise_core::field::Report;
use reprise_jobset::JobSet;

use super::Context;
use super::rules::Rules;

/// JobSets.
pub(super) struct JobSets;

impl Rules for JobSets {
    type Object = JobSet;
    const GENERATION: bool = true;

    fn set_defaults(&self, set: &mut JobSet) {
        reprise_jobset::set_defaults(set);
    }

    fn check(&self, _context: &Context<'_>, set: &JobSet, report: &mut Report) {
        reprise_jobset::check(set, report);
    }

    fn check_change(&self, new: &JobSet, old: &JobSet, report: &mut Report) {
        reprise_jobset::check_change(new, old, report);
    }

    fn warnings(&self, set: &JobSet) -> Vec<String> {
        reprise_jobset::warnings(set)
    }
}
