//! Kinds with few rules of their own.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, Service, ServiceAccount};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use reprise_core::field::{BadValue, FieldPath, Report};
use reprise_core::unset::{list, text};
use reprise_core::validation::object_meta::NameForm;
use serde_json::Value;

use super::rules::Rules;
use super::{Admitted, Behaviour, Context, Part};
use crate::status::ApiError;

/// How long Events are kept, in seconds: the API server's default.
const EVENT_SECONDS: i64 = 3600;

/// Nodes.
pub(super) struct Nodes;

impl Rules for Nodes {
    type Object = Node;
    const NEW_STATUS: bool = true;

    fn check_change(&self, new: &Node, old: &Node, report: &mut Report) {
        let of = |node: &Node| node.spec.as_ref().and_then(|spec| spec.provider_id.clone());
        let path = FieldPath::new("spec").child("providerID");
        if let (Some(old), new) = (of(old), of(new))
            && new.as_ref() != Some(&old)
        {
            report.forbidden(path, "node updates may not change providerID except from \"\" to valid");
        }
    }
}

/// Service accounts.
pub(super) struct ServiceAccounts;

impl Rules for ServiceAccounts {
    type Object = ServiceAccount;
    const RETURNS_DELETED: bool = true;
}

/// Leases.
pub(super) struct Leases;

impl Rules for Leases {
    type Object = Lease;
    const UNCONDITIONAL: bool = false;

    fn check(&self, _context: &Context<'_>, lease: &Lease, report: &mut Report) {
        let Some(spec) = &lease.spec else { return };
        let path = FieldPath::new("spec");
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            report.invalid(path.child("leaseDurationSeconds"), seconds, "must be greater than 0");
        }
        if let Some(count) = spec.lease_transitions.filter(|count| *count < 0) {
            report.invalid(path.child("leaseTransitions"), count, "must be greater than or equal to 0");
        }
    }
}

/// Services: stored, and looked up by name. None gets an address of its own.
pub(super) struct Services;

impl Rules for Services {
    type Object = Service;
    const NAMES: NameForm = NameForm::ServiceLabel;

    fn set_defaults(&self, service: &mut Service) {
        let spec = service.spec.get_or_insert_default();
        spec.type_.get_or_insert_with(|| "ClusterIP".to_owned());
        spec.session_affinity.get_or_insert_with(|| "None".to_owned());
        for port in spec.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
            port.target_port.get_or_insert(IntOrString::Int(port.port));
        }
    }

    fn check(&self, _context: &Context<'_>, service: &Service, report: &mut Report) {
        let Some(spec) = &service.spec else { return };
        let path = FieldPath::new("spec");
        let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        let kind = text(&spec.type_);
        if !kinds.contains(&kind) {
            report.not_supported(path.child("type"), kind, &kinds);
        }
        let headless = text(&spec.cluster_ip) == "None";
        if list(&spec.ports).is_empty() && !headless && kind != "ExternalName" {
            report.required(path.child("ports"), "");
        }
        for (i, port) in list(&spec.ports).iter().enumerate() {
            let path = path.child("ports").index(i);
            if list(&spec.ports).len() > 1 && text(&port.name).is_empty() {
                report.required(path.child("name"), "");
            }
            if !(1..=65535).contains(&port.port) {
                report.invalid(path.child("port"), port.port, "must be between 1 and 65535, inclusive");
            }
        }
    }
}

/// Runtime classes.
pub(super) struct RuntimeClasses;

impl Rules for RuntimeClasses {
    type Object = RuntimeClass;

    fn check_change(&self, new: &RuntimeClass, old: &RuntimeClass, report: &mut Report) {
        if new.handler != old.handler {
            report.invalid(FieldPath::new("handler"), &new.handler, "field is immutable");
        }
    }
}

/// What drivers of volumes say of themselves and of nodes.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $form:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl Rules for $name {
            type Object = $type;
            const NAMES: NameForm = $form;
        }
    )*};
}

plain! {
    /// CSI drivers.
    CsiDrivers: CSIDriver, NameForm::Subdomain;
    /// CSI nodes.
    CsiNodes: CSINode, NameForm::Subdomain;
    /// Roles of a namespace.
    Roles: Role, NameForm::PathSegment;
    /// Roles of the cluster.
    ClusterRoles: ClusterRole, NameForm::PathSegment;
}

/// Storage classes.
pub(super) struct StorageClasses;

impl Rules for StorageClasses {
    type Object = StorageClass;

    fn set_defaults(&self, class: &mut StorageClass) {
        class.reclaim_policy.get_or_insert_with(|| "Delete".to_owned());
        class.volume_binding_mode.get_or_insert_with(|| "Immediate".to_owned());
    }
}

/// Bindings of roles in a namespace.
pub(super) struct RoleBindings;

impl Rules for RoleBindings {
    type Object = RoleBinding;
    const NAMES: NameForm = NameForm::PathSegment;

    fn check_change(&self, new: &RoleBinding, old: &RoleBinding, report: &mut Report) {
        if new.role_ref != old.role_ref {
            report.invalid(FieldPath::new("roleRef"), BadValue::json(&new.role_ref), "cannot change roleRef");
        }
    }
}

/// Bindings of roles in the cluster.
pub(super) struct ClusterRoleBindings;

impl Rules for ClusterRoleBindings {
    type Object = ClusterRoleBinding;
    const NAMES: NameForm = NameForm::PathSegment;

    fn check_change(&self, new: &ClusterRoleBinding, old: &ClusterRoleBinding, report: &mut Report) {
        if new.role_ref != old.role_ref {
            report.invalid(FieldPath::new("roleRef"), BadValue::json(&new.role_ref), "cannot change roleRef");
        }
    }
}

/// Events, which go by themselves.
pub(super) struct Events;

impl Behaviour for Events {
    fn create(&self, context: &Context<'_>, object: Value) -> Result<Admitted, ApiError> {
        let event: Event = super::rules::typed(object)?;
        let mut report = Report::default();
        let (own, of) = (text(&event.metadata.namespace), text(&event.involved_object.namespace));
        // What is in no namespace has its Events in the default one.
        if own != of && !(of.is_empty() && matches!(own, "default" | "kube-system")) {
            let path = FieldPath::new("involvedObject").child("namespace");
            report.invalid(path, of, "does not match event.namespace");
        }
        super::rules::admitted(context, &event, report)
    }

    fn update(&self, _context: &Context<'_>, new: Value, _old: &Value, _part: Part) -> Result<Admitted, ApiError> {
        Ok(Admitted { object: new, warnings: Vec::new() })
    }

    fn expires_at(&self, _object: &Value) -> Option<Timestamp> {
        Timestamp::now().checked_add(jiff::SignedDuration::from_secs(EVENT_SECONDS)).ok()
    }
}
