//! The options of list and watch.

use std::time::Duration;

use super::{FieldSelector, LabelSelector, Query};
use crate::resources::Resource;
use crate::status::ApiError;

/// A request without a limit of its own is cut into no pages.
const NO_LIMIT: usize = usize::MAX;

/// How `resourceVersion` is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    /// At least as new; what an answer of the newest state always is.
    NotOlderThan,
    /// Exactly that state.
    Exact,
}

/// What a watch begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialEvents {
    /// What the resource version says: everything that there is if it is not set or 0, else what came after it.
    ByVersion,
    /// Everything that there is, and a bookmark behind it.
    All,
    /// Only what happens from now on, or after the version.
    None,
}

/// The options of list and watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// Which labels.
    pub labels: LabelSelector,
    /// Which fields.
    pub fields: FieldSelector,
    /// At most so many objects.
    pub limit: usize,
    /// Where the last page ended.
    pub continue_from: String,
    /// The version; none if not set or empty.
    pub version: Option<u64>,
    /// How it is meant.
    pub version_match: Option<VersionMatch>,
    /// Whether this is a watch.
    pub watch: bool,
    /// When a watch ends.
    pub timeout: Option<Duration>,
    /// Whether a watch may have bookmarks.
    pub bookmarks: bool,
    /// What a watch begins with.
    pub initial_events: InitialEvents,
}

impl ListOptions {
    /// Reads the options.
    ///
    /// # Errors
    /// 400 for values of a wrong form, 422 for what can't be asked for together.
    pub fn parse(query: &Query, resource: &Resource) -> Result<Self, ApiError> {
        let watch = query.flag("watch");
        let version = version(query.text("resourceVersion"))?;
        let version_match = version_match(query.text("resourceVersionMatch"))?;
        let initial_events = initial_events(query, watch, version_match)?;
        if !watch && version_match.is_some() && version.is_none() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(invalid("resourceVersionMatch", why));
        }
        if version_match == Some(VersionMatch::Exact) && (version == Some(0) || watch) {
            let why = if watch {
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            } else {
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
            };
            return Err(invalid("resourceVersionMatch", why));
        }
        let limit = query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        let seconds = query.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        Ok(Self {
            labels: LabelSelector::parse(query.text("labelSelector"))?,
            fields: FieldSelector::parse(query.text("fieldSelector"), resource)?,
            limit: limit.unwrap_or(NO_LIMIT),
            continue_from: query.text("continue").to_owned(),
            version,
            version_match,
            watch,
            timeout: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            bookmarks: query.flag("allowWatchBookmarks"),
            initial_events,
        })
    }
}

fn version(text: &str) -> Result<Option<u64>, ApiError> {
    match text {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| {
            let why = format!("strconv.ParseUint: parsing {digits:?}: invalid syntax");
            ApiError::bad_request(format!("invalid resource version {digits:?}: {why}"))
        }),
    }
}

fn version_match(text: &str) -> Result<Option<VersionMatch>, ApiError> {
    match text {
        "" => Ok(None),
        "NotOlderThan" => Ok(Some(VersionMatch::NotOlderThan)),
        "Exact" => Ok(Some(VersionMatch::Exact)),
        other => {
            let detail = format!("Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\", \"\"");
            Err(refusal("resourceVersionMatch", "FieldValueNotSupported", &detail))
        }
    }
}

fn initial_events(query: &Query, watch: bool, matched: Option<VersionMatch>) -> Result<InitialEvents, ApiError> {
    if query.text("sendInitialEvents").is_empty() {
        if watch && matched.is_some() {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            return Err(invalid("resourceVersionMatch", why));
        }
        return Ok(InitialEvents::ByVersion);
    }
    if !watch {
        return Err(invalid("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    if matched != Some(VersionMatch::NotOlderThan) {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(invalid("resourceVersionMatch", why));
    }
    Ok(if query.flag("sendInitialEvents") { InitialEvents::All } else { InitialEvents::None })
}

fn invalid(field: &str, why: &str) -> ApiError {
    refusal(field, "FieldValueForbidden", &format!("Forbidden: {why}"))
}

fn refusal(field: &str, reason: &str, why: &str) -> ApiError {
    let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: {why}");
    ApiError::new(422, "Invalid", message).about("meta.k8s.io", "ListOptions", "").because(reason, why, field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::find;

    fn parse(query: &str) -> Result<ListOptions, ApiError> {
        ListOptions::parse(&Query::parse(query), find("", "v1", "pods").unwrap())
    }

    #[test]
    fn what_clients_send_is_understood() {
        let options = parse("limit=500&resourceVersion=0").unwrap();
        assert_eq!((options.limit, options.version, options.watch), (500, Some(0), false));
        let watch = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let options = parse(watch).unwrap();
        assert!(options.watch && options.bookmarks && options.initial_events == InitialEvents::All);
        assert_eq!(parse("watch=1&timeoutSeconds=290").unwrap().timeout, Some(Duration::from_secs(290)));
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for (query, code) in [
            ("resourceVersion=x", 400),
            ("watch=1&sendInitialEvents=true", 422),
            ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1", 422),
            ("resourceVersionMatch=Exact", 422),
            ("resourceVersionMatch=Exact&resourceVersion=0", 422),
            ("resourceVersionMatch=Odd", 422),
            ("watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1", 422),
        ] {
            assert_eq!(parse(query).unwrap_err().code(), code, "{query}");
        }
    }
}
