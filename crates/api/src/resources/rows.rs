//! The table.

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenReview};
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass};
use reprise_core::objects::ObjectKind;
use reprise_jobset::JobSet;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::jobs::Jobs;
use super::jobsets::JobSets;
use super::namespaces::Namespaces;
use super::objects_of_pods::ObjectsOfPods;
use super::others::{
    ClusterRoleBindings, ClusterRoles, CsiDrivers, CsiNodes, Events, Leases, Nodes, RoleBindings, Roles,
    RuntimeClasses, ServiceAccounts, Services, StorageClasses,
};
use super::pods::Pods;
use super::priorities::PriorityClasses;
use super::rules::Checked;
use super::stored::STORED;
use super::{Resource, SelectableField, Subresource, Types, Verb};
use crate::printing;

const ALL_VERBS: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];
const CREATE: &[Verb] = &[Verb::Create];
const GET: &[Verb] = &[Verb::Get];
const CONNECT: &[Verb] = &[Verb::Create, Verb::Get];
const CHANGE: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];

const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// All kinds, in the order of discovery.
pub static TABLE: &[Resource] = &[
    Resource {
        short_names: &["cm"],
        columns: &printing::CONFIG_MAPS,
        behaviour: &ObjectsOfPods(ObjectKind::ConfigMap),
        ..row::<ConfigMap>("", "v1", "ConfigMap", "configmaps", "configmap", "configmaps")
    },
    Resource {
        short_names: &["ev"],
        selectable: EVENT_FIELDS,
        columns: &printing::EVENTS,
        behaviour: &Events,
        ..row::<Event>("", "v1", "Event", "events", "event", "events")
    },
    Resource {
        short_names: &["ns"],
        namespaced: false,
        selectable: &[field("status.phase")],
        subresources: &[status("Namespace"), part("finalize", "Namespace", &[Verb::Update])],
        columns: &printing::NAMESPACES,
        behaviour: &Checked(Namespaces),
        ..row::<Namespace>("", "v1", "Namespace", "namespaces", "namespace", "namespaces")
    },
    Resource {
        short_names: &["no"],
        namespaced: false,
        selectable: &[SelectableField { path: "spec.unschedulable", unset: "false" }],
        subresources: &[status("Node")],
        columns: &printing::NODES,
        behaviour: &Checked(Nodes),
        ..row::<Node>("", "v1", "Node", "nodes", "node", "nodes")
    },
    Resource {
        short_names: &["pvc"],
        subresources: &[status("PersistentVolumeClaim")],
        columns: &printing::PERSISTENT_VOLUME_CLAIMS,
        behaviour: &ObjectsOfPods(ObjectKind::PersistentVolumeClaim),
        ..row::<PersistentVolumeClaim>(
            "",
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            "persistentvolumeclaim",
            "persistentvolumeclaims",
        )
    },
    Resource {
        short_names: &["pv"],
        namespaced: false,
        subresources: &[status("PersistentVolume")],
        columns: &printing::PERSISTENT_VOLUMES,
        behaviour: &ObjectsOfPods(ObjectKind::PersistentVolume),
        ..row::<PersistentVolume>(
            "",
            "v1",
            "PersistentVolume",
            "persistentvolumes",
            "persistentvolume",
            "persistentvolumes",
        )
    },
    Resource {
        short_names: &["po"],
        categories: &["all"],
        selectable: POD_FIELDS,
        subresources: POD_SUBRESOURCES,
        columns: &printing::PODS,
        behaviour: &Pods,
        ..row::<Pod>("", "v1", "Pod", "pods", "pod", "pods")
    },
    Resource {
        selectable: &[field("type")],
        columns: &printing::SECRETS,
        behaviour: &ObjectsOfPods(ObjectKind::Secret),
        ..row::<Secret>("", "v1", "Secret", "secrets", "secret", "secrets")
    },
    Resource {
        short_names: &["sa"],
        subresources: &[Subresource {
            name: "token",
            kind: "TokenRequest",
            group_version: Some((AUTHENTICATION, "v1")),
            verbs: CREATE,
        }],
        behaviour: &Checked(ServiceAccounts),
        ..row::<ServiceAccount>("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", "serviceaccounts")
    },
    Resource {
        short_names: &["svc"],
        categories: &["all"],
        selectable: &[field("spec.clusterIP"), field("spec.type")],
        subresources: &[status("Service")],
        columns: &printing::SERVICES,
        behaviour: &Checked(Services),
        ..row::<Service>("", "v1", "Service", "services", "service", "services")
    },
    review::<SelfSubjectReview>(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview"),
    review::<TokenReview>(AUTHENTICATION, "TokenReview", "tokenreviews", "tokenreview"),
    Resource {
        namespaced: true,
        ..review::<LocalSubjectAccessReview>(
            AUTHORIZATION,
            "LocalSubjectAccessReview",
            "localsubjectaccessreviews",
            "localsubjectaccessreview",
        )
    },
    review::<SelfSubjectAccessReview>(
        AUTHORIZATION,
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
    ),
    review::<SelfSubjectRulesReview>(
        AUTHORIZATION,
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
    ),
    review::<SubjectAccessReview>(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", "subjectaccessreview"),
    Resource {
        categories: &["all"],
        selectable: &[SelectableField { path: "status.successful", unset: "0" }],
        subresources: &[status("Job")],
        columns: &printing::JOBS,
        behaviour: &Checked(Jobs),
        ..row::<Job>("batch", "v1", "Job", "jobs", "job", "jobs.batch")
    },
    Resource {
        categories: &["all"],
        subresources: &[status("JobSet")],
        columns: &printing::JOB_SETS,
        behaviour: &Checked(JobSets),
        ..row::<JobSet>("jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets", "jobset", "jobsets.jobset.x-k8s.io")
    },
    Resource {
        columns: &printing::LEASES,
        behaviour: &Checked(Leases),
        ..row::<Lease>("coordination.k8s.io", "v1", "Lease", "leases", "lease", "leases.coordination.k8s.io")
    },
    Resource {
        namespaced: false,
        columns: &printing::RUNTIME_CLASSES,
        behaviour: &Checked(RuntimeClasses),
        ..row::<RuntimeClass>(
            "node.k8s.io",
            "v1",
            "RuntimeClass",
            "runtimeclasses",
            "runtimeclass",
            "runtimeclasses.node.k8s.io",
        )
    },
    Resource {
        namespaced: false,
        columns: &printing::ROLE_BINDINGS,
        behaviour: &Checked(ClusterRoleBindings),
        ..row::<ClusterRoleBinding>(
            RBAC,
            "v1",
            "ClusterRoleBinding",
            "clusterrolebindings",
            "clusterrolebinding",
            "clusterrolebindings.rbac.authorization.k8s.io",
        )
    },
    Resource {
        namespaced: false,
        columns: &printing::ROLES,
        behaviour: &Checked(ClusterRoles),
        ..row::<ClusterRole>(
            RBAC,
            "v1",
            "ClusterRole",
            "clusterroles",
            "clusterrole",
            "clusterroles.rbac.authorization.k8s.io",
        )
    },
    Resource {
        columns: &printing::ROLE_BINDINGS,
        behaviour: &Checked(RoleBindings),
        ..row::<RoleBinding>(
            RBAC,
            "v1",
            "RoleBinding",
            "rolebindings",
            "rolebinding",
            "rolebindings.rbac.authorization.k8s.io",
        )
    },
    Resource {
        columns: &printing::ROLES,
        behaviour: &Checked(Roles),
        ..row::<Role>(RBAC, "v1", "Role", "roles", "role", "roles.rbac.authorization.k8s.io")
    },
    Resource {
        short_names: &["pc"],
        namespaced: false,
        columns: &printing::PRIORITY_CLASSES,
        behaviour: &Checked(PriorityClasses),
        ..row::<PriorityClass>(
            "scheduling.k8s.io",
            "v1",
            "PriorityClass",
            "priorityclasses",
            "priorityclass",
            "priorityclasses.scheduling.k8s.io",
        )
    },
    Resource {
        namespaced: false,
        columns: &printing::CSI_DRIVERS,
        behaviour: &Checked(CsiDrivers),
        ..row::<CSIDriver>(STORAGE, "v1", "CSIDriver", "csidrivers", "csidriver", "csidrivers.storage.k8s.io")
    },
    Resource {
        namespaced: false,
        columns: &printing::CSI_NODES,
        behaviour: &Checked(CsiNodes),
        ..row::<CSINode>(STORAGE, "v1", "CSINode", "csinodes", "csinode", "csinodes.storage.k8s.io")
    },
    Resource {
        short_names: &["sc"],
        namespaced: false,
        columns: &printing::STORAGE_CLASSES,
        behaviour: &Checked(StorageClasses),
        ..row::<StorageClass>(
            STORAGE,
            "v1",
            "StorageClass",
            "storageclasses",
            "storageclass",
            "storageclasses.storage.k8s.io",
        )
    },
];

const EVENT_FIELDS: &[SelectableField] = &[
    field("involvedObject.kind"),
    field("involvedObject.namespace"),
    field("involvedObject.name"),
    field("involvedObject.uid"),
    field("involvedObject.apiVersion"),
    field("involvedObject.resourceVersion"),
    field("involvedObject.fieldPath"),
    field("reason"),
    field("reportingComponent"),
    field("source"),
    field("type"),
];

const POD_FIELDS: &[SelectableField] = &[
    field("spec.nodeName"),
    field("spec.restartPolicy"),
    field("spec.schedulerName"),
    field("spec.serviceAccountName"),
    SelectableField { path: "spec.hostNetwork", unset: "false" },
    field("status.phase"),
    field("status.podIP"),
    field("status.nominatedNodeName"),
];

const POD_SUBRESOURCES: &[Subresource] = &[
    part("attach", "PodAttachOptions", CONNECT),
    part("binding", "Binding", CREATE),
    part("ephemeralcontainers", "Pod", CHANGE),
    Subresource { name: "eviction", kind: "Eviction", group_version: Some(("policy", "v1")), verbs: CREATE },
    part("exec", "PodExecOptions", CONNECT),
    part("log", "Pod", GET),
    part("portforward", "PodPortForwardOptions", CONNECT),
    part("resize", "Pod", CHANGE),
    status("Pod"),
];

const fn field(path: &'static str) -> SelectableField {
    SelectableField { path, unset: "" }
}

const fn part(name: &'static str, kind: &'static str, verbs: &'static [Verb]) -> Subresource {
    Subresource { name, kind, group_version: None, verbs }
}

const fn status(kind: &'static str) -> Subresource {
    part("status", kind, CHANGE)
}

/// A kind in namespaces, stored as it is.
const fn row<T: Serialize + DeserializeOwned + JsonSchema>(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    stored_as: &'static str,
) -> Resource {
    Resource {
        group,
        version,
        plural,
        singular,
        kind,
        short_names: &[],
        categories: &[],
        namespaced: true,
        verbs: ALL_VERBS,
        subresources: &[],
        selectable: &[],
        stored_as,
        types: Types::of::<T>(),
        columns: &printing::PLAIN,
        behaviour: &STORED,
    }
}

/// A kind that is answered and not stored.
const fn review<T: Serialize + DeserializeOwned + JsonSchema>(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
) -> Resource {
    Resource { namespaced: false, verbs: CREATE, ..row::<T>(group, "v1", kind, plural, singular, plural) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_rows_share_a_path_a_kind_or_a_place_in_the_store() {
        let mut seen = HashSet::new();
        for row in TABLE {
            let stored =
                if row.group.is_empty() { row.plural.to_owned() } else { format!("{}.{}", row.plural, row.group) };
            assert!(!row.is_stored() || row.stored_as == stored, "{row:?}");
            assert!(seen.insert((row.group, row.version, row.plural)), "{row:?}");
            assert!(seen.insert((row.group, row.kind, "kind")), "{row:?}");
        }
    }
}
