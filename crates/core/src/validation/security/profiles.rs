//! The checks of seccomp and AppArmor profiles and of Windows options.

use k8s_openapi::api::core::v1::{AppArmorProfile, SeccompProfile, WindowsSecurityContextOptions};

use super::super::path_form::check_descending;
use crate::field::{BadValue, FieldPath, Report};

const TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];
/// The longest path, without its end.
const MAX_PATH: usize = 4095;

pub(super) fn check_seccomp(profile: Option<&SeccompProfile>, path: &FieldPath, report: &mut Report) {
    let Some(profile) = profile else { return };
    match profile.type_.as_str() {
        "" => report.required(path.child("type"), "type is required when seccompProfile is set"),
        known if TYPES.contains(&known) => {}
        other => report.not_supported(path.child("type"), other, &TYPES),
    }
    let file_path = path.child("localhostProfile");
    match (profile.type_ == "Localhost", &profile.localhost_profile) {
        (true, None) => report.required(file_path, "must be set when seccomp type is Localhost"),
        (true, Some(file)) => check_descending(file, &file_path, report),
        (false, Some(file)) => {
            let shown = format!(
                "{{\"Type\":{},\"LocalhostProfile\":{}}}",
                BadValue::from(&profile.type_),
                BadValue::from(file)
            );
            report.invalid(file_path, BadValue::Json(shown), "can only be set when seccomp type is Localhost");
        }
        (false, None) => {}
    }
}

pub(super) fn check_app_armor(profile: Option<&AppArmorProfile>, path: &FieldPath, report: &mut Report) {
    let Some(profile) = profile else { return };
    let file_path = path.child("localhostProfile");
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Localhost", None) => report.required(file_path, "must be set when AppArmor type is Localhost"),
        ("Localhost", Some(file)) => {
            if file.trim() != file {
                report.invalid(file_path.clone(), file, "must not be padded with whitespace");
            } else if file.is_empty() {
                report.required(file_path.clone(), "must be set when AppArmor type is Localhost");
            }
            if file.len() > MAX_PATH {
                report.too_long(file_path, MAX_PATH);
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(file)) => {
            report.invalid(file_path, file, "can only be set when AppArmor type is Localhost");
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => report.required(path.child("type"), "type is required when appArmorProfile is set"),
        (other, _) => report.not_supported(path.child("type"), other, &TYPES),
    }
}

/// They are never right on this node; that they are not empty is what Kubernetes checks on any.
pub(super) fn check_windows(options: Option<&WindowsSecurityContextOptions>, path: &FieldPath, report: &mut Report) {
    let Some(options) = options else { return };
    if options.run_as_user_name.as_deref() == Some("") {
        report.invalid(path.child("runAsUserName"), "", "runAsUserName cannot be an empty string");
    }
    if options.gmsa_credential_spec.as_deref() == Some("") {
        report.invalid(path.child("gmsaCredentialSpec"), "", "gmsaCredentialSpec cannot be an empty string");
    }
}
