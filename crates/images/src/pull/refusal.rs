//! What a registry's status and words mean.

use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::body;
use crate::error::Error;

/// The longest explanation read.
const WORDS_MAX: u64 = 64 << 10;

/// The distribution specification's errors.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Whom was asked for what, and how.
pub(super) struct Asked<'a> {
    pub host: &'a str,
    pub what: &'a str,
    pub with_credentials: bool,
}

impl Asked<'_> {
    /// The error for an answer that is no success.
    pub(super) async fn refused(&self, response: Response) -> Error {
        let status = response.status();
        // Only explains: an answer without words is told by its status.
        let words = body::read(response, WORDS_MAX).await.ok().flatten().unwrap_or_default();
        let envelope: Envelope = serde_json::from_slice(&words).unwrap_or_default();
        let (registry, reference) = (self.host.to_owned(), self.what.to_owned());
        let reason = envelope.errors.first();
        match (status, reason.map(|reason| reason.code.as_str()).unwrap_or_default()) {
            (StatusCode::NOT_FOUND, _)
            | (_, "MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "NOT_FOUND" | "BLOB_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN") => {
                Error::NotFound { reference }
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, "UNAUTHORIZED" | "DENIED") => {
                self.unauthorized()
            }
            (StatusCode::TOO_MANY_REQUESTS, _) | (_, "TOOMANYREQUESTS") => Error::TooManyRequests { registry },
            _ => Error::Registry { registry, reference, message: message(status, reason, &words) },
        }
    }

    pub(super) fn unauthorized(&self) -> Error {
        let hint = if self.with_credentials {
            "it does not exist, or the credentials are wrong or not sufficient"
        } else {
            "it does not exist or needs a login, and no credentials were given"
        };
        Error::Unauthorized { reference: self.what.to_owned(), registry: self.host.to_owned(), hint }
    }

    pub(super) fn unreachable(&self, source: reqwest::Error) -> Error {
        // The address says nothing that the error does not name already, and may hold a signature.
        Error::Unreachable { registry: self.host.to_owned(), source: Box::new(source.without_url()) }
    }

    /// It said something else than the protocol foresees.
    pub(super) fn odd(&self, message: &str) -> Error {
        Error::Registry { registry: self.host.to_owned(), reference: self.what.to_owned(), message: message.to_owned() }
    }
}

fn message(status: StatusCode, reason: Option<&Reason>, words: &[u8]) -> String {
    let text = match reason {
        Some(reason) => format!("{} {}", reason.code, reason.message),
        None => String::from_utf8_lossy(words).lines().next().unwrap_or_default().to_owned(),
    };
    let short: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("status {}: {}", status.as_u16(), short.trim())
}
