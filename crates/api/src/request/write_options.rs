//! The options of create, update and patch.

use super::Query;
use crate::status::ApiError;

/// What becomes of fields that the type does not have, and of those that are there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the client is warned.
    Warn,
    /// The request is refused.
    Strict,
}

/// The options of create, update and patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether everything is done but the write.
    pub dry_run: bool,
    /// Who says so; empty if not set.
    pub field_manager: String,
    /// What becomes of unknown fields.
    pub field_validation: FieldValidation,
    /// Whether an apply takes fields from others; none if not said.
    pub force: Option<bool>,
}

impl WriteOptions {
    /// Reads the options. `kind` is what messages call them, such as `CreateOptions`.
    ///
    /// # Errors
    /// 422 for values that are not known.
    pub fn parse(query: &Query, kind: &str) -> Result<Self, ApiError> {
        Ok(Self {
            dry_run: dry_run(query.all("dryRun"), kind)?,
            field_manager: field_manager(query.text("fieldManager"), kind)?,
            field_validation: field_validation(query.text("fieldValidation"), kind)?,
            force: query.given("force").map(|_| query.flag("force")),
        })
    }

    /// The name under which fields are managed: what was given, or the beginning of the client's name for itself.
    #[must_use]
    pub fn manager(&self, user_agent: &str) -> String {
        if !self.field_manager.is_empty() {
            return self.field_manager.clone();
        }
        let name = user_agent.split('/').next().unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(128).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    }
}

/// Whether nothing is to be written.
pub(super) fn dry_run<'a>(values: impl Iterator<Item = &'a str>, kind: &str) -> Result<bool, ApiError> {
    let mut dry = false;
    for value in values.filter(|value| !value.is_empty()) {
        if value != "All" {
            return Err(unsupported(kind, "dryRun", value, "\"All\""));
        }
        dry = true;
    }
    Ok(dry)
}

fn field_manager(name: &str, kind: &str) -> Result<String, ApiError> {
    let wrong = |why: &str| Err(refusal(kind, "fieldManager", "FieldValueInvalid", why));
    if name.len() > 128 {
        return Err(refusal(kind, "fieldManager", "FieldValueTooLong", "Too long: may not be more than 128 bytes"));
    }
    match name.chars().find(|character| character.is_control()) {
        Some(_) => wrong(&format!("Invalid value: {name:?}: should only contain printable characters")),
        None => Ok(name.to_owned()),
    }
}

fn field_validation(value: &str, kind: &str) -> Result<FieldValidation, ApiError> {
    match value {
        "" | "Warn" => Ok(FieldValidation::Warn),
        "Ignore" => Ok(FieldValidation::Ignore),
        "Strict" => Ok(FieldValidation::Strict),
        other => Err(unsupported(kind, "fieldValidation", other, "\"\", \"Ignore\", \"Strict\", \"Warn\"")),
    }
}

fn unsupported(kind: &str, field: &str, value: &str, supported: &str) -> ApiError {
    let why = format!("Unsupported value: {value:?}: supported values: {supported}");
    refusal(kind, field, "FieldValueNotSupported", &why)
}

fn refusal(kind: &str, field: &str, reason: &str, why: &str) -> ApiError {
    let message = format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {why}");
    ApiError::new(422, "Invalid", message).about("meta.k8s.io", kind, "").because(reason, why, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_values_are_refused() {
        let parse = |query| WriteOptions::parse(&Query::parse(query), "CreateOptions");
        let options = parse("dryRun=All&fieldManager=m&fieldValidation=Strict&force=false").unwrap();
        assert!(options.dry_run && options.field_validation == FieldValidation::Strict && options.force == Some(false));
        assert_eq!(options.manager("kubectl/v1"), "m");
        assert_eq!(parse("").unwrap().manager("kubectl/v1.36 (linux)"), "kubectl");
        assert_eq!(parse("").unwrap().force, None);
        for query in ["dryRun=some", "fieldValidation=x", "fieldManager=%00"] {
            assert_eq!(parse(query).unwrap_err().code(), 422, "{query}");
        }
    }
}
