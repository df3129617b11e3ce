//! All errors that a check has found, in the order in which it found them.

use super::{BadValue, ErrorKind, FieldError, FieldPath};

/// A list of field errors that checks add to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    errors: Vec<FieldError>,
}

impl Report {
    /// The errors found so far.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// All errors.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// How many errors were found so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// A value that must be there is not.
    pub fn required(&mut self, field: FieldPath, detail: &str) {
        self.add(ErrorKind::Required, field, "".into(), detail);
    }

    /// A value is not of the right form or in the right range.
    pub fn invalid(&mut self, field: FieldPath, value: impl Into<BadValue>, detail: &str) {
        self.add(ErrorKind::Invalid, field, value.into(), detail);
    }

    /// The same for each of several things that are wrong with one value.
    pub fn invalid_each(&mut self, field: &FieldPath, value: &str, details: Vec<String>) {
        for detail in details {
            self.invalid(field.clone(), value, &detail);
        }
    }

    /// A value is none of `supported`, which the message lists in the given order.
    pub fn not_supported(&mut self, field: FieldPath, value: &str, supported: &[&str]) {
        let quoted: Vec<String> = supported.iter().map(|text| BadValue::from(*text).to_string()).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        self.add(ErrorKind::NotSupported, field, value.into(), &detail);
    }

    /// A value that must be unique is there twice.
    pub fn duplicate(&mut self, field: FieldPath, value: &str) {
        self.add(ErrorKind::Duplicate, field, value.into(), "");
    }

    /// A value may not be set here.
    pub fn forbidden(&mut self, field: FieldPath, detail: &str) {
        self.add(ErrorKind::Forbidden, field, "".into(), detail);
    }

    /// A value names something that does not exist.
    pub fn not_found(&mut self, field: FieldPath, value: &str, detail: &str) {
        self.add(ErrorKind::NotFound, field, value.into(), detail);
    }

    /// A text is longer than `max` bytes.
    pub fn too_long(&mut self, field: FieldPath, max: usize) {
        self.add(ErrorKind::TooLong, field, "".into(), &format!("may not be more than {max} bytes"));
    }

    /// A list has `actual` items, more than `max`.
    pub fn too_many(&mut self, field: FieldPath, actual: usize, max: usize) {
        self.add(ErrorKind::TooMany, field, actual.into(), &format!("must have at most {max} items"));
    }

    fn add(&mut self, kind: ErrorKind, field: FieldPath, value: BadValue, detail: &str) {
        self.errors.push(FieldError { kind, field, value, detail: detail.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_those_of_the_api_server() {
        let mut report = Report::default();
        let path = FieldPath::new("spec").child("containers").index(0);
        report.required(path.child("name"), "");
        report.invalid(path.child("ports"), 0, "must be 1");
        report.not_supported(path.clone(), "X", &["A", "B"]);
        report.duplicate(path.clone(), "a");
        report.forbidden(path.clone(), "not here");
        report.too_many(path, 21, 20);
        report.too_long(FieldPath::new("metadata").child("annotations").key("a/b"), 5);
        let messages: Vec<String> = report.errors().iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "spec.containers[0].name: Required value",
                "spec.containers[0].ports: Invalid value: 0: must be 1",
                "spec.containers[0]: Unsupported value: \"X\": supported values: \"A\", \"B\"",
                "spec.containers[0]: Duplicate value: \"a\"",
                "spec.containers[0]: Forbidden: not here",
                "spec.containers[0]: Too many: 21: must have at most 20 items",
                "metadata.annotations[a/b]: Too long: may not be more than 5 bytes",
            ]
        );
    }
}
