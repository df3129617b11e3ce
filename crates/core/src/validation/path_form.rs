//! The forms of paths in a Pod.

use crate::field::{FieldPath, Report};

/// A relative path without `..`.
pub(super) fn check_descending(target: &str, path: &FieldPath, report: &mut Report) {
    if target.starts_with('/') {
        report.invalid(path.clone(), target, "must be a relative path");
    }
    check_no_backsteps(target, path, report);
}

/// A path without `..`.
pub(super) fn check_no_backsteps(target: &str, path: &FieldPath, report: &mut Report) {
    if has_backsteps(target) {
        report.invalid(path.clone(), target, "must not contain '..'");
    }
}

pub(super) fn has_backsteps(target: &str) -> bool {
    target.split('/').any(|part| part == "..")
}

/// A relative path without `..` that also does not begin with `..`, which is kept for the node's own files.
pub(super) fn check_not_reserved(target: &str, path: &FieldPath, report: &mut Report) {
    check_descending(target, path, report);
    // A path with `..` as a part is reported already.
    if target.starts_with("..") && !target.starts_with("../") {
        report.invalid(path.clone(), target, "must not start with '..'");
    }
}

/// The permission bits of a file.
pub(super) fn check_file_mode(mode: Option<i32>, path: FieldPath, report: &mut Report) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        report.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive");
    }
}
