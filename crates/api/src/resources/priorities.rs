//! Priority classes, and which one counts for a Pod.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use reprise_core::field::{FieldPath, Report};
use reprise_core::unset::text;

use super::Context;
use super::rules::Rules;

/// The highest value that is not the system's.
const HIGHEST: i32 = 1_000_000_000;
const RESOURCE: &str = "priorityclasses.scheduling.k8s.io";
const POLICIES: [&str; 2] = ["Never", "PreemptLowerPriority"];

/// The class of this name; for the empty name the one that counts where none is named: the lowest that says so.
pub(super) fn class(context: &Context<'_>, name: &str) -> Option<PriorityClass> {
    if !name.is_empty() {
        return serde_json::from_value(context.lookup.get(RESOURCE, "", name)?).ok();
    }
    let all = context.lookup.list(RESOURCE, None);
    let classes = all.into_iter().filter_map(|class| serde_json::from_value::<PriorityClass>(class).ok());
    classes.filter(|class| class.global_default == Some(true)).min_by_key(|class| class.value)
}

/// Priority classes.
pub(super) struct PriorityClasses;

impl Rules for PriorityClasses {
    type Object = PriorityClass;
    const GENERATION: bool = true;

    fn set_defaults(&self, class: &mut PriorityClass) {
        class.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
    }

    fn check(&self, _context: &Context<'_>, class: &PriorityClass, report: &mut Report) {
        let name = text(&class.metadata.name);
        if name.starts_with("system-") && !["system-node-critical", "system-cluster-critical"].contains(&name) {
            let detail = "priority class names with 'system-' prefix are reserved for system use only";
            report.forbidden(FieldPath::new("metadata").child("name"), detail);
        } else if !name.starts_with("system-") && class.value.is_some_and(|value| value > HIGHEST) {
            let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
            report.forbidden(FieldPath::new("value"), &detail);
        }
        if let Some(policy) = class.preemption_policy.as_deref().filter(|policy| !POLICIES.contains(policy)) {
            report.not_supported(FieldPath::new("preemptionPolicy"), policy, &POLICIES);
        }
    }

    fn check_change(&self, new: &PriorityClass, old: &PriorityClass, report: &mut Report) {
        if new.value != old.value {
            report.forbidden(FieldPath::new("value"), "may not be changed in an update.");
        }
        if new.preemption_policy != old.preemption_policy {
            let value = text(&new.preemption_policy);
            report.invalid(FieldPath::new("preemptionPolicy"), value, "field is immutable");
        }
    }
}
