//! What the roles that are always there allow, as data.

/// One thing that can be done. Words are divided by spaces; the core's group is `core`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Can {
    /// Verbs, groups, resources.
    On(&'static str, &'static str, &'static str),
    /// Verbs and paths.
    At(&'static str, &'static str),
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) rules: &'static [Can],
    /// Labels, each with the value `true`.
    pub(super) labels: &'static [&'static str],
    /// The labels of the roles that it is made of.
    pub(super) made_of: &'static [&'static str],
}

use Can::{At, On};

const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";
const TO_ADMIN: &str = "rbac.authorization.k8s.io/aggregate-to-admin";
const TO_EDIT: &str = "rbac.authorization.k8s.io/aggregate-to-edit";
const TO_VIEW: &str = "rbac.authorization.k8s.io/aggregate-to-view";

const fn role(name: &'static str, rules: &'static [Can]) -> Role {
    Role { name, rules, labels: &[], made_of: &[] }
}

/// All of them.
pub(super) const ROLES: &[Role] = &[
    role("cluster-admin", &[On("*", "*", "*"), At("*", "*")]),
    Role { made_of: &[TO_ADMIN], ..role("admin", &[]) },
    Role { made_of: &[TO_EDIT], labels: &[TO_ADMIN], ..role("edit", &[]) },
    Role { made_of: &[TO_VIEW], labels: &[TO_EDIT], ..role("view", &[]) },
    Role { labels: &[TO_ADMIN], ..role("system:aggregate-to-admin", ADMIN) },
    Role { labels: &[TO_EDIT], ..role("system:aggregate-to-edit", EDIT) },
    Role { labels: &[TO_VIEW], ..role("system:aggregate-to-view", VIEW) },
    role(
        "system:basic-user",
        &[
            On("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
            On("create", "authentication.k8s.io", "selfsubjectreviews"),
        ],
    ),
    role(
        "system:discovery",
        &[At("get", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/")],
    ),
    role("system:public-info-viewer", &[At("get", "/healthz /livez /readyz /version /version/")]),
    role(
        "system:monitoring",
        &[At("get", "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*")],
    ),
    role("system:service-account-issuer-discovery", &[At("get", "/.well-known/openid-configuration /openid/v1/jwks")]),
    role(
        "system:auth-delegator",
        &[
            On("create", "authentication.k8s.io", "tokenreviews"),
            On("create", "authorization.k8s.io", "subjectaccessreviews"),
        ],
    ),
    role(
        "system:kubelet-api-admin",
        &[On(READ, "core", "nodes"), On("*", "core", "nodes/log nodes/metrics nodes/proxy nodes/stats")],
    ),
    role("system:node", NODE),
    role("system:reprise-controllers", CONTROLLERS),
    role("system:reprise-dns", &[On("list watch", "core", "pods services")]),
];

const VIEW: &[Can] = &[
    On(
        READ,
        "core",
        "configmaps events namespaces namespaces/status persistentvolumeclaims persistentvolumeclaims/status",
    ),
    On(READ, "core", "pods pods/log pods/status serviceaccounts services services/status"),
    On(READ, "batch", "jobs jobs/status"),
    On(READ, "jobset.x-k8s.io", "jobsets jobsets/status"),
];

const EDIT: &[Can] = &[
    On(READ, "core", "pods/attach pods/exec pods/portforward secrets"),
    On("impersonate", "core", "serviceaccounts"),
    On(WRITE, "core", "pods pods/attach pods/exec pods/portforward"),
    On("create", "core", "pods/eviction serviceaccounts/token"),
    On("get patch update", "core", "pods/ephemeralcontainers pods/resize"),
    On(WRITE, "core", "configmaps events persistentvolumeclaims secrets serviceaccounts services"),
    On(WRITE, "batch", "jobs"),
    On(WRITE, "jobset.x-k8s.io", "jobsets"),
];

const ADMIN: &[Can] = &[
    On("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    On(WRITE, "rbac.authorization.k8s.io", "roles rolebindings"),
    On(READ, "rbac.authorization.k8s.io", "roles rolebindings"),
];

/// What any node may do. What it may do with single objects is decided with the object (`node.rs`).
pub(super) const NODE: &[Can] = &[
    On("create", "authentication.k8s.io", "tokenreviews"),
    On("create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews"),
    On(READ, "core", "services"),
    On("create get list watch patch update", "core", "nodes"),
    On("patch update", "core", "nodes/status"),
    On("create patch update", "core", "events"),
    On("create delete get list watch", "core", "pods"),
    On("patch update", "core", "pods/status"),
    On("create", "core", "pods/eviction"),
    On(READ, "core", "configmaps secrets"),
    On("get", "core", "persistentvolumeclaims persistentvolumes"),
    On("create", "core", "serviceaccounts/token"),
    On("create delete get patch update", "coordination.k8s.io", "leases"),
    On(READ, "node.k8s.io", "runtimeclasses"),
    On(READ, "storage.k8s.io", "csidrivers"),
    On("create delete get patch update", "storage.k8s.io", "csinodes"),
];

/// What the built-in controllers do: the collector of garbage has to remove objects of every kind.
const CONTROLLERS: &[Can] = &[
    On("delete deletecollection get list patch update watch", "*", "*"),
    On("create", "core", "configmaps events persistentvolumeclaims persistentvolumes pods pods/binding pods/eviction"),
    On("create", "core", "serviceaccounts services"),
    On("create", "batch", "jobs"),
    On("create", "coordination.k8s.io", "leases"),
    On("create", "storage.k8s.io", "csinodes"),
];
