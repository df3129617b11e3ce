//! All that somebody may do in a namespace.

use k8s_openapi::api::authorization::v1::{
    NonResourceRule, ResourceRule, SelfSubjectRulesReview, SubjectRulesReviewStatus,
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use reprise_core::unset::{list, text};

use crate::access::User;
use crate::security::authorization::{Authorizer, is_master, node_name};
use crate::status::ApiError;

/// What who asks may do.
pub(super) fn own(
    authorizer: &Authorizer,
    user: &User,
    review: &SelfSubjectRulesReview,
) -> Result<SubjectRulesReviewStatus, ApiError> {
    let namespace = text(&review.spec.namespace);
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let policy = authorizer.policy();
    let everything = is_master(user).then(all).unwrap_or_default();
    let mut status = SubjectRulesReviewStatus::default();
    for rule in everything.iter().chain(policy.rules(user, namespace)) {
        add(&mut status, rule);
    }
    if node_name(user).is_some() {
        status.incomplete = true;
        status.evaluation_error = Some("node authorizer does not support user rule resolution".to_owned());
    }
    Ok(status)
}

fn add(status: &mut SubjectRulesReviewStatus, rule: &PolicyRule) {
    if !list(&rule.resources).is_empty() {
        status.resource_rules.push(ResourceRule {
            api_groups: rule.api_groups.clone(),
            resource_names: rule.resource_names.clone().filter(|names| !names.is_empty()),
            resources: rule.resources.clone(),
            verbs: rule.verbs.clone(),
        });
    }
    if !list(&rule.non_resource_urls).is_empty() {
        let non_resource_urls = rule.non_resource_urls.clone();
        status.non_resource_rules.push(NonResourceRule { non_resource_urls, verbs: rule.verbs.clone() });
    }
}

/// What no role needs to say.
fn all() -> Vec<PolicyRule> {
    let all = || vec!["*".to_owned()];
    let resources =
        PolicyRule { verbs: all(), api_groups: Some(all()), resources: Some(all()), ..PolicyRule::default() };
    vec![resources, PolicyRule { verbs: all(), non_resource_urls: Some(all()), ..PolicyRule::default() }]
}
