//! One call to the API: it has a limit, as packets that a firewall drops are answered by nobody, and its errors are of two kinds:
//! the API refused, or it is away.

use std::time::Duration;

use kube::Error;

/// How long a call may take. Watches are no calls.
const LIMIT: Duration = Duration::from_secs(15);

/// A call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The API's answer is no.
    #[error("the API refuses: {message} ({code} {reason})")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// Kubernetes' word for it.
        reason: String,
        /// The API's words.
        message: String,
    },
    /// There was no answer, or none that can be understood.
    #[error("the API does not answer: {why}")]
    Away {
        /// What went wrong on the way.
        why: String,
    },
}

impl CallError {
    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// Another state of the object than the one that was meant, or another object of that name.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether a later try may succeed without anybody changing something.
    pub(crate) fn is_passing(&self) -> bool {
        self.code().is_none_or(|code| code == 429 || code >= 500)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Away { .. } => None,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) => {
                let kube::core::Status { code, reason, message, .. } = *status;
                Self::Refused { code, reason, message }
            }
            other => Self::Away { why: reprise_node::chain(&other) },
        }
    }
}

/// Waits for an answer, but not for ever.
pub(crate) async fn call<T>(asking: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(LIMIT, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(CallError::Away { why: format!("nothing came within {} s", LIMIT.as_secs()) }),
    }
}

/// A call that may find nothing.
pub(crate) fn found<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_last_and_everything_else_may_pass() {
        let refused = |code| CallError::Refused { code, reason: String::new(), message: String::new() };
        assert!(refused(404).is_not_found() && refused(409).is_conflict());
        assert!([429, 500, 503].into_iter().all(|code| refused(code).is_passing()));
        assert!([400, 403, 404, 409, 422].into_iter().all(|code| !refused(code).is_passing()));
        assert!(CallError::Away { why: String::new() }.is_passing());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_nobody_answers_ends() {
        let never = std::future::pending::<kube::Result<()>>();
        assert!(matches!(call(never).await, Err(CallError::Away { .. })));
    }
}
