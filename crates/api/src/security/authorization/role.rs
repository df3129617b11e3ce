//! Roles and bindings as they are stored, and what is needed of them.

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;

/// The group of roles and bindings.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// A Role or ClusterRole. Rules that are missing are none.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StoredRole {
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) rules: Option<Vec<PolicyRule>>,
    #[serde(default, rename = "aggregationRule")]
    pub(super) aggregation_rule: Option<Aggregation>,
}

/// Which other ClusterRoles one is made of.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Aggregation {
    #[serde(default, rename = "clusterRoleSelectors")]
    pub(super) selectors: Option<Vec<LabelSelector>>,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StoredBinding {
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    pub(super) subjects: Option<Vec<Subject>>,
    #[serde(rename = "roleRef")]
    pub(super) role: RoleRef,
}
