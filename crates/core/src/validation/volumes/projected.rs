//! The checks of projected volumes: several sources in one folder.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    ClusterTrustBundleProjection, DownwardAPIProjection, KeyToPath, ProjectedVolumeSource,
    ServiceAccountTokenProjection, VolumeProjection,
};

use super::super::path_form::{check_file_mode, check_not_reserved};
use super::files;
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

pub(super) fn check(volume: &ProjectedVolumeSource, path: &FieldPath, report: &mut Report) {
    check_file_mode(volume.default_mode, path.child("defaultMode"), report);
    let mut taken = Taken { paths: BTreeSet::new(), volume: path };
    for (i, source) in list(&volume.sources).iter().enumerate() {
        let item = path.child("sources").index(i);
        if check_source(source, &item, &mut taken, report) > 1 {
            report.forbidden(item, "may not specify more than 1 volume type per source");
        }
    }
}

/// The files of the volume so far.
struct Taken<'a> {
    paths: BTreeSet<&'a str>,
    volume: &'a FieldPath,
}

impl<'a> Taken<'a> {
    fn take(&mut self, path: &'a str, value: &str, report: &mut Report) {
        if !path.is_empty() && !self.paths.insert(path) {
            report.invalid(self.volume.clone(), value, "conflicting duplicate paths");
        }
    }
}

/// Gives the number of kinds that are set in one source.
fn check_source<'a>(source: &'a VolumeProjection, path: &FieldPath, taken: &mut Taken<'a>, report: &mut Report) -> u32 {
    let mut kinds = 0;
    if let Some(secret) = &source.secret {
        kinds += 1;
        check_keys(&secret.name, list(&secret.items), &path.child("secret"), taken, report);
    }
    if let Some(config_map) = &source.config_map {
        kinds += 1;
        check_keys(&config_map.name, list(&config_map.items), &path.child("configMap"), taken, report);
    }
    if let Some(downward) = &source.downward_api {
        kinds += 1;
        check_downward(downward, &path.child("downwardAPI"), taken, report);
    }
    if let Some(token) = &source.service_account_token {
        kinds += 1;
        check_token(token, &path.child("serviceAccountToken"), taken.volume, report);
    }
    if let Some(bundle) = &source.cluster_trust_bundle {
        kinds += 1;
        check_bundle(bundle, &path.child("clusterTrustBundle"), taken, report);
    }
    if let Some(certificate) = &source.pod_certificate {
        kinds += 1;
        for (name, value) in [("signerName", &certificate.signer_name), ("keyType", &certificate.key_type)] {
            if value.is_empty() {
                report.required(path.child("podCertificate").child(name), "");
            }
        }
    }
    kinds
}

fn check_keys<'a>(name: &str, items: &'a [KeyToPath], path: &FieldPath, taken: &mut Taken<'a>, report: &mut Report) {
    if name.is_empty() {
        report.required(path.child("name"), "");
    }
    for (i, item) in items.iter().enumerate() {
        files::check_item(item, &path.child("items").index(i), report);
        taken.take(&item.path, name, report);
    }
}

fn check_downward<'a>(
    downward: &'a DownwardAPIProjection,
    path: &FieldPath,
    taken: &mut Taken<'a>,
    report: &mut Report,
) {
    for file in list(&downward.items) {
        files::check_downward_file(file, path, report);
        taken.take(&file.path, &file.path, report);
    }
}

fn check_token(token: &ServiceAccountTokenProjection, path: &FieldPath, volume: &FieldPath, report: &mut Report) {
    let seconds = token.expiration_seconds.unwrap_or_default();
    if seconds < 10 * 60 {
        let detail = "may not specify a duration less than 10 minutes";
        report.invalid(path.child("expirationSeconds"), seconds, detail);
    }
    if seconds > 1 << 32 {
        let detail = "may not specify a duration larger than 2^32 seconds";
        report.invalid(path.child("expirationSeconds"), seconds, detail);
    }
    // The API server reports the token's path at the volume.
    match token.path.as_str() {
        "" => report.required(volume.child("path"), ""),
        target => check_not_reserved(target, &volume.child("path"), report),
    }
}

fn check_bundle<'a>(
    bundle: &'a ClusterTrustBundleProjection,
    path: &FieldPath,
    taken: &mut Taken<'a>,
    report: &mut Report,
) {
    match (&bundle.name, &bundle.signer_name) {
        (Some(_), Some(_)) => {
            let shown = crate::field::BadValue::json(bundle);
            report.invalid(path.clone(), shown, "only one of name and signerName may be used");
        }
        (Some(name), None) if name.is_empty() => {
            report.required(path.child("name"), "must be a valid object name");
        }
        (None, Some(_)) if text(&bundle.signer_name).is_empty() => {
            report.required(path.child("signerName"), "must be a valid signer name");
        }
        (None, None) => report.required(path.clone(), "either name or signerName must be specified"),
        _ => {}
    }
    if bundle.path.is_empty() {
        report.required(path.child("path"), "");
    }
    check_not_reserved(&bundle.path, &path.child("path"), report);
    taken.take(&bundle.path, &bundle.path, report);
}
