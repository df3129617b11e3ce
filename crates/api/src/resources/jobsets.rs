//! JobSets (`jobset.x-k8s.io/v1alpha2`): groups of Jobs that run as one. They are stored and checked; whoever runs a controller
//! for them finds here what it needs.

mod changes;
mod checks;
mod defaults;
mod schema;
mod types;

use reprise_core::field::Report;

use super::Context;
use super::rules::Rules;

pub(super) use types::JobSet;

/// JobSets.
pub(super) struct JobSets;

impl Rules for JobSets {
    type Object = JobSet;
    const GENERATION: bool = true;

    fn set_defaults(&self, set: &mut JobSet) {
        defaults::set(set);
    }

    fn check(&self, context: &Context<'_>, set: &JobSet, report: &mut Report) {
        checks::check(context, set, report);
    }

    fn check_change(&self, new: &JobSet, old: &JobSet, report: &mut Report) {
        changes::check(new, old, report);
    }
}
