//! Columns of roles and of their bindings.

use serde_json::Value;

use super::field::{items, or, text};
use super::{Column, Columns};

/// Columns of Roles and ClusterRoles.
pub static ROLES: Columns = Columns(&[
    Column::NAME,
    Column::text("Created At", "When the server made the object.", |role, _| {
        or(text(role, "/metadata/creationTimestamp"), "<unknown>").into()
    })
    .of("date"),
]);

/// Columns of RoleBindings and ClusterRoleBindings.
pub static ROLE_BINDINGS: Columns = Columns(&[
    Column::NAME,
    Column::text("Role", "The role that is given.", |binding, _| {
        format!("{}/{}", text(binding, "/roleRef/kind"), text(binding, "/roleRef/name")).into()
    }),
    Column::AGE,
    Column::text("Users", "The users that have it.", |binding, _| subjects(binding, "User")).wide(),
    Column::text("Groups", "The groups that have it.", |binding, _| subjects(binding, "Group")).wide(),
    Column::text("ServiceAccounts", "The service accounts that have it.", |binding, _| {
        subjects(binding, "ServiceAccount")
    })
    .wide(),
]);

fn subjects(binding: &Value, kind: &str) -> Value {
    let subjects = items(binding, "/subjects").iter().filter(|subject| text(subject, "/kind") == kind);
    let names: Vec<String> = subjects
        .map(|subject| match (kind, text(subject, "/namespace"), text(subject, "/name")) {
            ("ServiceAccount", namespace, name) if !namespace.is_empty() => format!("{namespace}/{name}"),
            (_, _, name) => name.to_owned(),
        })
        .collect();
    names.join(", ").into()
}
