//! The messages of all kinds that clients send as protobuf: field numbers, names in JSON, and types, as the API has them in
//! `generated.proto`. Fields of versions later than 1.36 are not in it, and so an error and not dropped.

mod access;
mod batch;
mod cluster;
mod container;
mod meta;
mod pod;
mod storage;
mod volume;

use super::message::Message;

/// The message of a kind; none for a kind that is not read as protobuf.
pub(super) fn message_of(group: &str, kind: &str) -> Option<&'static Message> {
    ROOTS.iter().find(|(of_group, name, _)| *of_group == group && *name == kind).map(|(_, _, message)| *message)
}

/// All kinds.
pub(super) static ROOTS: &[(&str, &str, &Message)] = &[
    ("", "Binding", &cluster::BINDING),
    ("", "ConfigMap", &cluster::CONFIG_MAP),
    ("", "Event", &cluster::EVENT),
    ("", "Namespace", &cluster::NAMESPACE),
    ("", "Node", &cluster::NODE),
    ("", "PersistentVolume", &storage::PERSISTENT_VOLUME),
    ("", "PersistentVolumeClaim", &storage::PERSISTENT_VOLUME_CLAIM),
    ("", "Pod", &pod::POD),
    ("", "Secret", &cluster::SECRET),
    ("", "Service", &cluster::SERVICE),
    ("", "ServiceAccount", &cluster::SERVICE_ACCOUNT),
    ("authentication.k8s.io", "SelfSubjectReview", &access::SELF_SUBJECT_REVIEW),
    ("authentication.k8s.io", "TokenRequest", &access::TOKEN_REQUEST_OF_AUTHN),
    ("authentication.k8s.io", "TokenReview", &access::TOKEN_REVIEW),
    ("authorization.k8s.io", "LocalSubjectAccessReview", &access::LOCAL_SUBJECT_ACCESS_REVIEW),
    ("authorization.k8s.io", "SelfSubjectAccessReview", &access::SELF_SUBJECT_ACCESS_REVIEW),
    ("authorization.k8s.io", "SelfSubjectRulesReview", &access::SELF_SUBJECT_RULES_REVIEW),
    ("authorization.k8s.io", "SubjectAccessReview", &access::SUBJECT_ACCESS_REVIEW),
    ("batch", "Job", &batch::JOB),
    ("coordination.k8s.io", "Lease", &cluster::LEASE),
    ("meta.k8s.io", "DeleteOptions", &meta::DELETE_OPTIONS),
    ("node.k8s.io", "RuntimeClass", &cluster::RUNTIME_CLASS),
    ("policy", "Eviction", &cluster::EVICTION),
    ("rbac.authorization.k8s.io", "ClusterRole", &access::CLUSTER_ROLE),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", &access::CLUSTER_ROLE_BINDING),
    ("rbac.authorization.k8s.io", "Role", &access::ROLE),
    ("rbac.authorization.k8s.io", "RoleBinding", &access::ROLE_BINDING),
    ("scheduling.k8s.io", "PriorityClass", &cluster::PRIORITY_CLASS),
    ("storage.k8s.io", "CSIDriver", &storage::CSI_DRIVER),
    ("storage.k8s.io", "CSINode", &storage::CSI_NODE),
    ("storage.k8s.io", "StorageClass", &storage::STORAGE_CLASS),
];
