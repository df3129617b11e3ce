//! How a command ended, as the error stream says it.

use serde::{Deserialize, Serialize};

const NON_ZERO_EXIT_CODE: &str = "NonZeroExitCode";
const EXIT_CODE: &str = "ExitCode";
const INTERNAL_ERROR: &str = "InternalError";

/// How an exec or an attach ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The process exited with this code; also the end of an attach (code 0).
    Exited(i32),
    /// The command could not be run, or not until its end.
    Failed(String),
}

/// The part of a `metav1.Status` that matters here.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Status {
    metadata: Metadata,
    status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Metadata {}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cause {
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    message: String,
}

impl Outcome {
    /// What is sent since version 4 of the protocol.
    pub(crate) fn to_status(&self) -> Vec<u8> {
        let status = match self {
            Self::Exited(0) => Status { status: "Success".into(), ..Status::default() },
            Self::Exited(code) => failure(NON_ZERO_EXIT_CODE, EXIT_CODE, self.to_string(), code.to_string(), None),
            Self::Failed(message) => {
                let text = format!("Internal error occurred: {message}");
                failure(INTERNAL_ERROR, "", text, message.clone(), Some(500))
            }
        };
        // A struct of texts can always be written; if not, the text alone is better than nothing.
        serde_json::to_vec(&status).unwrap_or_else(|_| self.to_text())
    }

    /// What is sent before version 4: only failures, as plain text.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        if *self == Self::Exited(0) { Vec::new() } else { self.to_string().into_bytes() }
    }

    /// Reads what a server of version 4 or later sends.
    pub(crate) fn from_status(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let status: Status = serde_json::from_slice(bytes)?;
        if status.status == "Success" {
            return Ok(Self::Exited(0));
        }
        let causes = status.details.unwrap_or_default().causes;
        let is_exit = status.reason == NON_ZERO_EXIT_CODE;
        let code = causes.iter().find(|cause| is_exit && cause.reason == EXIT_CODE);
        let code = code.and_then(|cause| cause.message.parse().ok());
        Ok(code.map_or(Self::Failed(status.message), Self::Exited))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "command terminated with exit code {code}"),
            Self::Failed(message) => formatter.write_str(message),
        }
    }
}

fn failure(reason: &str, cause: &str, message: String, cause_message: String, code: Option<i32>) -> Status {
    let causes = vec![Cause { reason: cause.into(), message: cause_message }];
    let details = Some(Details { causes });
    Status { metadata: Metadata {}, status: "Failure".into(), message, reason: reason.into(), details, code }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn a_status_is_read_as_it_was_written() {
        for outcome in [Outcome::Exited(0), Outcome::Exited(137), Outcome::Failed("no such container".into())] {
            let read = Outcome::from_status(&outcome.to_status()).unwrap();
            let expected = match &outcome {
                Outcome::Failed(message) => Outcome::Failed(format!("Internal error occurred: {message}")),
                exited => exited.clone(),
            };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn an_exit_code_is_a_cause_of_the_failure() {
        let status: serde_json::Value = serde_json::from_slice(&Outcome::Exited(3).to_status()).unwrap();
        assert_eq!(status["status"], "Failure");
        assert_eq!(status["reason"], "NonZeroExitCode");
        assert_eq!(status["details"]["causes"][0]["reason"], "ExitCode");
        assert_eq!(status["details"]["causes"][0]["message"], "3");
    }

    #[test]
    fn old_clients_are_told_of_failures_only() {
        assert!(Outcome::Exited(0).to_text().is_empty());
        assert_eq!(Outcome::Exited(3).to_text(), b"command terminated with exit code 3");
    }
}
