//! The string types that have a name in Go.
//!
//! On the wire they are plain strings, so the generated types do not know them; Go's messages do.

/// The name of the Go type of a string field, if it is not plain `string`.
pub(super) fn named_string(go_struct: &str, field: &str) -> Option<&'static str> {
    Some(match (go_struct, field) {
        ("PodSpec", "restartPolicy") => "RestartPolicy",
        ("PodSpec", "dnsPolicy") => "DNSPolicy",
        ("PodSpec", "preemptionPolicy") => "PreemptionPolicy",
        ("Container" | "EphemeralContainer", "restartPolicy") => "ContainerRestartPolicy",
        ("Container" | "EphemeralContainer", "imagePullPolicy") => "PullPolicy",
        ("Container" | "EphemeralContainer", "terminationMessagePolicy") => "TerminationMessagePolicy",
        ("ContainerRestartRule", "action") => "ContainerRestartRuleAction",
        ("ContainerRestartRuleOnExitCodes", "operator") => "ContainerRestartRuleOnExitCodesOperator",
        ("ContainerPort", "protocol") => "Protocol",
        ("ContainerResizePolicy", "resourceName") => "ResourceName",
        ("ContainerResizePolicy", "restartPolicy") => "ResourceResizeRestartPolicy",
        ("Capabilities", "add" | "drop") => "Capability",
        ("SecurityContext", "procMount") => "ProcMountType",
        ("SeccompProfile", "type") => "SeccompProfileType",
        ("AppArmorProfile", "type") => "AppArmorProfileType",
        ("PodSecurityContext", "fsGroupChangePolicy") => "PodFSGroupChangePolicy",
        ("PodSecurityContext", "supplementalGroupsPolicy") => "SupplementalGroupsPolicy",
        ("HTTPGetAction", "scheme") => "URIScheme",
        ("VolumeMount", "mountPropagation") => "MountPropagationMode",
        ("VolumeMount", "recursiveReadOnly") => "RecursiveReadOnlyMode",
        ("HostPathVolumeSource", "type") => "HostPathType",
        ("EmptyDirVolumeSource", "medium") => "StorageMedium",
        ("Toleration", "operator") => "TolerationOperator",
        ("Toleration", "effect") => "TaintEffect",
        ("NodeSelectorRequirement", "operator") => "NodeSelectorOperator",
        ("LabelSelectorRequirement", "operator") => "LabelSelectorOperator",
        ("TopologySpreadConstraint", "whenUnsatisfiable") => "UnsatisfiableConstraintAction",
        ("PodReadinessGate", "conditionType") => "PodConditionType",
        ("PodOS", "name") => "OSName",
        _ => return None,
    })
}
