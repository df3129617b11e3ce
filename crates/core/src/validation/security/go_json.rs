//! A security context as the API server prints it in an error.
//!
//! It prints its internal structs, which have no JSON names: Go's field names, in the order of the struct,
//! and `null` for everything unset.

use k8s_openapi::api::core::v1::SecurityContext;
use serde_json::Value;

/// The fields of the internal struct in order, with their JSON names.
const FIELDS: [(&str, &str); 12] = [
    ("Capabilities", "capabilities"),
    ("Privileged", "privileged"),
    ("SELinuxOptions", "seLinuxOptions"),
    ("WindowsOptions", "windowsOptions"),
    ("RunAsUser", "runAsUser"),
    ("RunAsGroup", "runAsGroup"),
    ("RunAsNonRoot", "runAsNonRoot"),
    ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
    ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
    ("ProcMount", "procMount"),
    ("SeccompProfile", "seccompProfile"),
    ("AppArmorProfile", "appArmorProfile"),
];

/// The inner structs: their fields, and the value that an unset one is printed with.
fn inner(field: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    match field {
        "Capabilities" => &[("Add", "add", "null"), ("Drop", "drop", "null")],
        "SELinuxOptions" => {
            &[("User", "user", "\"\""), ("Role", "role", "\"\""), ("Type", "type", "\"\""), ("Level", "level", "\"\"")]
        }
        "WindowsOptions" => &[
            ("GMSACredentialSpecName", "gmsaCredentialSpecName", "null"),
            ("GMSACredentialSpec", "gmsaCredentialSpec", "null"),
            ("RunAsUserName", "runAsUserName", "null"),
            ("HostProcess", "hostProcess", "null"),
        ],
        "SeccompProfile" | "AppArmorProfile" => {
            &[("Type", "type", "\"\""), ("LocalhostProfile", "localhostProfile", "null")]
        }
        _ => &[],
    }
}

pub(super) fn security_context(context: &SecurityContext) -> String {
    let json = serde_json::to_value(context).unwrap_or_default();
    let fields: Vec<String> = FIELDS
        .iter()
        .map(|(go, name)| format!("\"{go}\":{}", field(go, json.get(name).unwrap_or(&Value::Null))))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn field(go: &str, value: &Value) -> String {
    if !value.is_object() {
        return value.to_string();
    }
    let fields: Vec<String> = inner(go)
        .iter()
        .map(|(go, name, unset)| {
            let shown = value.get(name).map_or_else(|| (*unset).to_owned(), Value::to_string);
            format!("\"{go}\":{shown}")
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}
