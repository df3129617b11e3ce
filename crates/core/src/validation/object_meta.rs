//! The checks of `metadata` for every kind: of a new object, and of one that takes the place of another.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{format, metadata};
use crate::field::{FieldPath, Report};
use crate::unset::{list, text};

/// What names of a kind look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameForm {
    /// A subdomain (RFC 1123), as of most kinds.
    Subdomain,
    /// A label (RFC 1123), as of namespaces.
    Label,
    /// A label that begins with a letter (RFC 1035), as of services.
    ServiceLabel,
    /// Whatever can be a part of a path, as of roles.
    PathSegment,
}

impl NameForm {
    /// What is wrong with a name of this form, in apimachinery's words; nothing, if it is right.
    #[must_use]
    pub fn problems(self, name: &str) -> Vec<String> {
        match self {
            Self::Subdomain => format::dns_subdomain(name),
            Self::Label => format::dns_label(name),
            Self::ServiceLabel => format::service_label(name),
            Self::PathSegment => format::path_segment(name),
        }
    }

    fn prefix_problems(self, prefix: &str) -> Vec<String> {
        match self {
            Self::PathSegment => self.problems(prefix),
            // A prefix may end with a dash.
            _ => match prefix.strip_suffix('-') {
                Some(rest) if !rest.is_empty() => self.problems(&format!("{rest}a")),
                _ => self.problems(prefix),
            },
        }
    }
}

/// Checks the metadata of a new object.
pub fn check(meta: &ObjectMeta, namespaced: bool, form: NameForm, report: &mut Report) {
    let path = FieldPath::new("metadata");
    let prefix = text(&meta.generate_name);
    if !prefix.is_empty() {
        report.invalid_each(&path.child("generateName"), prefix, form.prefix_problems(prefix));
    }
    match text(&meta.name) {
        "" => report.required(path.child("name"), "name or generateName is required"),
        name => report.invalid_each(&path.child("name"), name, form.problems(name)),
    }
    match (namespaced, text(&meta.namespace)) {
        (true, "") => report.required(path.child("namespace"), ""),
        (true, namespace) => {
            report.invalid_each(&path.child("namespace"), namespace, format::dns_label(namespace));
        }
        (false, "") => {}
        (false, _) => report.forbidden(path.child("namespace"), "not allowed on this type"),
    }
    metadata::check_rest(meta, &path, report);
}

/// Checks the metadata of an object that takes the place of `old`.
pub fn check_change(new: &ObjectMeta, old: &ObjectMeta, report: &mut Report) {
    let path = FieldPath::new("metadata");
    if old.deletion_timestamp.is_some() {
        let added = list(&new.finalizers).iter().filter(|finalizer| !list(&old.finalizers).contains(finalizer));
        let added: Vec<String> = added.map(|finalizer| format!("{finalizer:?}")).collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            report.forbidden(path.child("finalizers"), &detail);
        }
    }
    metadata::check_rest(new, &path, report);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(name: &str, form: NameForm) -> Vec<String> {
        let meta = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let mut report = Report::default();
        check(&meta, false, form, &mut report);
        report.errors().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_form_of_names_takes_what_kubernetes_takes() {
        assert!(errors("system:node", NameForm::PathSegment).is_empty());
        assert!(errors("a.b", NameForm::Subdomain).is_empty());
        assert!(errors("a-1", NameForm::ServiceLabel).is_empty());
        for (name, form) in [
            ("system:node", NameForm::Subdomain),
            ("a.b", NameForm::Label),
            ("1a", NameForm::ServiceLabel),
            ("a/b", NameForm::PathSegment),
            ("..", NameForm::PathSegment),
        ] {
            assert_eq!(errors(name, form).len(), 1, "{name}");
        }
    }

    #[test]
    fn an_object_that_goes_gets_no_new_finalizer() {
        let with = |finalizers: &[&str]| ObjectMeta {
            deletion_timestamp: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH)),
            finalizers: Some(finalizers.iter().map(|f| (*f).to_owned()).collect()),
            ..ObjectMeta::default()
        };
        let mut report = Report::default();
        check_change(&with(&["a/b"]), &with(&["a/b", "c/d"]), &mut report);
        assert!(report.is_empty());
        check_change(&with(&["e/f"]), &with(&["a/b"]), &mut report);
        assert!(report.errors()[0].to_string().ends_with("found new finalizers []string{\"e/f\"}"));
    }
}
