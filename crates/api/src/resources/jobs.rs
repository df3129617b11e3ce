//! Jobs: what they mean where they say nothing, and what is wrong with them.

mod changes;
mod checks;
mod defaults;

use k8s_openapi::api::batch::v1::Job;
use reprise_core::field::Report;

use super::Context;
use super::rules::Rules;

/// Jobs.
pub(super) struct Jobs;

impl Rules for Jobs {
    type Object = Job;
    const GENERATION: bool = true;

    fn prepare(&self, _context: &Context<'_>, job: &mut Job) {
        defaults::select_own_pods(job);
    }

    fn set_defaults(&self, job: &mut Job) {
        defaults::set(job);
    }

    fn check(&self, context: &Context<'_>, job: &Job, report: &mut Report) {
        checks::check(context, job, report);
    }

    fn check_change(&self, new: &Job, old: &Job, report: &mut Report) {
        changes::check(new, old, report);
    }
}
