//! The table: the shapes of all kinds. Keys and list types are facts of the API (`x-kubernetes-list-type`,
//! `x-kubernetes-patch-merge-key`, ... in its OpenAPI document).

mod batch;
mod cluster;
mod container;
mod meta;
mod pod;
mod storage;
#[cfg(test)]
mod tests;

use super::shape::Shape;

/// The shape of a kind; one that is not in the table has metadata, and else nothing special.
#[must_use]
pub fn shape_of(group: &str, kind: &str) -> &'static Shape {
    let row = KINDS.iter().find(|(of_group, name, _)| *of_group == group && *name == kind);
    row.map_or(&meta::ONLY_METADATA, |(_, _, shape)| shape)
}

/// All kinds of which more than the metadata is special.
static KINDS: &[(&str, &str, &Shape)] = &[
    ("", "Event", &cluster::EVENT),
    ("", "Namespace", &cluster::NAMESPACE),
    ("", "Node", &cluster::NODE),
    ("", "PersistentVolume", &storage::PERSISTENT_VOLUME),
    ("", "PersistentVolumeClaim", &storage::PERSISTENT_VOLUME_CLAIM),
    ("", "Pod", &pod::POD),
    ("", "PodTemplate", &pod::POD_TEMPLATE),
    ("", "Service", &cluster::SERVICE),
    ("", "ServiceAccount", &cluster::SERVICE_ACCOUNT),
    ("batch", "Job", &batch::JOB),
    ("jobset.x-k8s.io", "JobSet", &batch::JOB_SET),
    ("node.k8s.io", "RuntimeClass", &cluster::RUNTIME_CLASS),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", &cluster::ROLE_BINDING),
    ("rbac.authorization.k8s.io", "RoleBinding", &cluster::ROLE_BINDING),
    ("storage.k8s.io", "CSIDriver", &storage::CSI_DRIVER),
    ("storage.k8s.io", "CSINode", &storage::CSI_NODE),
];
