//! The options of delete: in the query, or in the body, which wins.

use serde::Deserialize;

use super::Query;
use super::write_options::dry_run;
use crate::status::ApiError;

/// What must hold for an object to be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preconditions {
    /// Its UID.
    pub uid: Option<String>,
    /// Its version.
    pub resource_version: Option<String>,
}

/// What becomes of an object's dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They stay, without their owner.
    Orphan,
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
}

/// The options of delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// How many seconds the object has; none if the client leaves that open.
    pub grace: Option<i64>,
    /// What must hold.
    pub preconditions: Preconditions,
    /// What becomes of dependents; none if the client leaves that open.
    pub propagation: Option<Propagation>,
    /// Whether everything is done but the write.
    pub dry_run: bool,
}

/// The body, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    kind: String,
    grace_period_seconds: Option<i64>,
    preconditions: Option<Preconditions>,
    orphan_dependents: Option<bool>,
    propagation_policy: Option<String>,
    dry_run: Vec<String>,
}

impl DeleteOptions {
    /// Reads the options. `body` may be null.
    ///
    /// # Errors
    /// 400 for a body that is no `DeleteOptions`, 422 for values that make no sense.
    pub fn parse(query: &Query, body: serde_json::Value) -> Result<Self, ApiError> {
        if !body.is_null() && !body.is_object() {
            return Err(ApiError::bad_request("the body of a delete must be a DeleteOptions"));
        }
        let no_body = body.as_object().is_none_or(serde_json::Map::is_empty);
        if no_body {
            let orphan = query.given("orphanDependents").map(|_| query.flag("orphanDependents"));
            return Ok(Self {
                grace: query.number("gracePeriodSeconds")?.map(checked_grace),
                preconditions: Preconditions::default(),
                propagation: propagation(Some(query.text("propagationPolicy")), orphan)?,
                dry_run: dry_run(query.all("dryRun"), "DeleteOptions")?,
            });
        }
        let body: Body = serde_json::from_value(body)
            .map_err(|error| ApiError::bad_request(format!("the body is no DeleteOptions: {error}")))?;
        if !matches!(body.kind.as_str(), "" | "DeleteOptions") {
            let what = format!("the body of a delete must be a DeleteOptions, not a {}", body.kind);
            return Err(ApiError::bad_request(what));
        }
        Ok(Self {
            grace: body.grace_period_seconds.map(checked_grace),
            preconditions: body.preconditions.unwrap_or_default(),
            propagation: propagation(body.propagation_policy.as_deref(), body.orphan_dependents)?,
            dry_run: dry_run(body.dry_run.iter().map(String::as_str), "DeleteOptions")?
                || dry_run(query.all("dryRun"), "DeleteOptions")?,
        })
    }
}

/// As in Kubernetes, a negative one is a second.
fn checked_grace(seconds: i64) -> i64 {
    if seconds < 0 { 1 } else { seconds }
}

fn propagation(policy: Option<&str>, orphan: Option<bool>) -> Result<Option<Propagation>, ApiError> {
    let policy = policy.filter(|policy| !policy.is_empty());
    if policy.is_some() && orphan.is_some() {
        let why = "Invalid value: orphanDependents and deletionPropagation cannot be both set";
        return Err(refusal("FieldValueInvalid", why));
    }
    match (policy, orphan) {
        (None, Some(true)) | (Some("Orphan"), _) => Ok(Some(Propagation::Orphan)),
        (None, Some(false)) | (Some("Background"), _) => Ok(Some(Propagation::Background)),
        (Some("Foreground"), _) => Ok(Some(Propagation::Foreground)),
        (None, None) => Ok(None),
        (Some(other), _) => {
            let supported = "\"Background\", \"Foreground\", \"Orphan\", \"nil\"";
            let why = format!("Unsupported value: {other:?}: supported values: {supported}");
            Err(refusal("FieldValueNotSupported", &why))
        }
    }
}

fn refusal(reason: &str, why: &str) -> ApiError {
    let message = format!("DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: {why}");
    let error = ApiError::new(422, "Invalid", message).about("meta.k8s.io", "DeleteOptions", "");
    error.because(reason, why, "propagationPolicy")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_wins_and_an_empty_one_leaves_it_to_the_query() {
        let parse = |query, body| DeleteOptions::parse(&Query::parse(query), body);
        let query = "propagationPolicy=Foreground&gracePeriodSeconds=5";
        for empty in [json!(null), json!({})] {
            let options = parse(query, empty).unwrap();
            assert_eq!((options.grace, options.propagation), (Some(5), Some(Propagation::Foreground)));
        }
        let body =
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "u"}, "dryRun": ["All"]});
        let options = parse(query, body).unwrap();
        assert_eq!((options.grace, options.propagation, options.dry_run), (None, None, true));
        assert_eq!(options.preconditions.uid.as_deref(), Some("u"));
        assert_eq!(parse("", json!({"propagationPolicy": "x"})).unwrap_err().code(), 422);
        assert_eq!(parse("", json!([])).unwrap_err().code(), 400);
    }
}
