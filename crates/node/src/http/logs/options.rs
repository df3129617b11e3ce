//! Which part of a log is wanted.

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::http::answer::Refusal;
use crate::http::query::Query;

/// The kubelet's `PodLogOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogOptions {
    pub follow: bool,
    pub previous: bool,
    pub timestamps: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u64>,
    /// Only what was written from then on.
    pub since: Option<Timestamp>,
    /// Only so many bytes.
    pub limit_bytes: Option<u64>,
}

impl LogOptions {
    /// Reads the query of a request.
    pub(super) fn of(query: &Query) -> Result<Self, Refusal> {
        let seconds = number(query, "sinceSeconds", 1)?;
        let time = query.get("sinceTime").map(|text| {
            let wrong = |e| Refusal::bad_request(format!("sinceTime {text:?} is no RFC 3339 time: {e}"));
            text.parse::<Timestamp>().map_err(wrong)
        });
        let since = match (seconds, time.transpose()?) {
            (Some(_), Some(_)) => {
                return Err(invalid("at most one of sinceTime or sinceSeconds may be specified"));
            }
            (Some(seconds), None) => {
                let back = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                Some(Timestamp::now().saturating_sub(back).unwrap_or(Timestamp::MIN))
            }
            (None, time) => time,
        };
        Ok(Self {
            follow: flag(query, "follow")?,
            previous: flag(query, "previous")?,
            timestamps: flag(query, "timestamps")?,
            tail_lines: number(query, "tailLines", 0)?,
            since,
            limit_bytes: number(query, "limitBytes", 1)?,
        })
    }
}

fn flag(query: &Query, name: &str) -> Result<bool, Refusal> {
    match query.get(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(Refusal::bad_request(format!("{name} has the value {other:?}: write true or false"))),
    }
}

fn number(query: &Query, name: &str, least: u64) -> Result<Option<u64>, Refusal> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let number: i64 = text.parse().map_err(|_| Refusal::bad_request(format!("{name} {text:?} is not a number")))?;
    match u64::try_from(number) {
        Ok(number) if number >= least => Ok(Some(number)),
        _ => Err(invalid(format!("{name}: Invalid value: {number}: must be greater than or equal to {least}"))),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<LogOptions, StatusCode> {
        LogOptions::of(&Query::of(Some(query))).map_err(|refusal| refusal.status)
    }

    #[test]
    fn everything_can_be_asked_for_at_once() {
        let options =
            of("follow=true&previous=false&timestamps=1&tailLines=0&limitBytes=10&sinceTime=1970-01-01T00:00:05Z");
        let expected = LogOptions {
            follow: true,
            timestamps: true,
            tail_lines: Some(0),
            limit_bytes: Some(10),
            since: Some(Timestamp::from_second(5).unwrap()),
            ..LogOptions::default()
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(of(""), Ok(LogOptions::default()));
        assert!(of("sinceSeconds=60").unwrap().since.unwrap() < Timestamp::now());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in ["tailLines=-1", "sinceSeconds=0", "limitBytes=0", "sinceSeconds=1&sinceTime=1970-01-01T00:00:05Z"]
        {
            assert_eq!(of(query), Err(StatusCode::UNPROCESSABLE_ENTITY), "{query}");
        }
        for query in ["tailLines=x", "follow=maybe", "sinceTime=yesterday"] {
            assert_eq!(of(query), Err(StatusCode::BAD_REQUEST), "{query}");
        }
    }
}
