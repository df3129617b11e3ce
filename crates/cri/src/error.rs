//! What can go wrong when talking to a runtime, in the classes that callers decide by.
//!
//! Callers never look at message text (this file does, where a runtime says it in no other way): a container that is not there, a call that the runtime does not know and a
//! runtime that is away all have their own [`CodeClass`]. `Display` says what was tried; the runtime's own words are
//! the source.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tonic::{Code, Status};

/// A failed call to a container runtime.
#[derive(Debug, thiserror::Error)]
pub enum CriError {
    /// The path can't name a socket. Not retryable: choose another path.
    #[error("{} can't be used as the path of a CRI socket", path.display())]
    Path {
        /// The path as given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime answered with an error, or could not be reached (class [`CodeClass::Unavailable`]).
    #[error("{operation} {object}: {class}")]
    Call {
        /// The CRI call.
        operation: &'static str,
        /// What it was for: a container or sandbox id, an image.
        object: String,
        /// What kind of failure it is.
        class: CodeClass,
        /// Whether there was no runtime to answer, or none any more: `Unavailable` may also be its own word for something
        /// that it needs, such as a registry.
        lost: bool,
        /// The runtime's own words.
        source: RuntimeAnswer,
    },
    /// No answer within the call's time limit. The runtime may have done it all the same.
    #[error("{operation} {object}: no answer from the runtime within {limit:?}")]
    Timeout {
        /// The CRI call.
        operation: &'static str,
        /// What it was for.
        object: String,
        /// The limit that passed.
        limit: Duration,
    },
}

/// The message of a gRPC status, with its causes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuntimeAnswer(String);

/// What containerd answers, under the code `Unknown`, while it takes up its containers after a start.
const NOT_UP_YET: &str = "server is not initialized yet";
/// What containerd answers, under the same code, when another sandbox or container has the name, and while an earlier call
/// for the same start is not over.
const TAKEN: [&str; 2] = ["is reserved for", "is already in starting state"];

/// The gRPC codes that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeClass {
    /// The object does not exist (any more).
    #[error("not found")]
    NotFound,
    /// An object of that name exists already, or an earlier call is still at it.
    #[error("it exists already")]
    AlreadyExists,
    /// The runtime is not there, or going away: check that it runs and that the socket path is right.
    #[error("the runtime can't be reached")]
    Unavailable,
    /// The runtime does not know this call.
    #[error("the runtime does not support this call")]
    Unimplemented,
    /// The runtime gave up after its own time limit, or the one sent with the call.
    #[error("the runtime's time limit passed")]
    DeadlineExceeded,
    /// Any other code, as a number of gRPC.
    #[error("gRPC code {code}")]
    Other {
        /// The number of the code.
        code: i32,
    },
}

impl CodeClass {
    /// A status with a source is none that the runtime sent: its connection broke, under whatever code that is told.
    fn of_status(status: &Status) -> Self {
        match Self::of(status.code()) {
            Self::Other { .. } if status.source().is_some() => Self::Unavailable,
            Self::Other { .. } if status.code() == Code::Unknown => Self::of_words(status.message()),
            class => class,
        }
    }

    /// containerd has no code for some things that callers decide by, only words.
    fn of_words(message: &str) -> Self {
        if message.contains(NOT_UP_YET) {
            Self::Unavailable
        } else if TAKEN.iter().any(|words| message.contains(words)) {
            Self::AlreadyExists
        } else {
            Self::Other { code: Code::Unknown as i32 }
        }
    }

    fn of(code: Code) -> Self {
        match code {
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::Unavailable => Self::Unavailable,
            Code::Unimplemented => Self::Unimplemented,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            other => Self::Other { code: other as i32 },
        }
    }

    /// Whether the same call may succeed later with nothing else changed.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable | Self::DeadlineExceeded => true,
            Self::NotFound | Self::AlreadyExists | Self::Unimplemented => false,
            Self::Other { code } => [Code::Aborted as i32, Code::ResourceExhausted as i32].contains(&code),
        }
    }
}

impl CriError {
    /// The error for a gRPC status that `operation` on `object` ended with; for messages of a stream too.
    #[must_use]
    pub fn from_status(operation: &'static str, object: impl Into<String>, status: &Status) -> Self {
        Self::Call {
            operation,
            object: object.into(),
            class: CodeClass::of_status(status),
            lost: status.source().is_some() || status.message().contains(NOT_UP_YET),
            source: RuntimeAnswer(explain(status)),
        }
    }

    /// The class of the failure, if the call got as far as having one.
    #[must_use]
    pub fn class(&self) -> Option<CodeClass> {
        match self {
            Self::Path { .. } => None,
            Self::Call { class, .. } => Some(*class),
            Self::Timeout { .. } => Some(CodeClass::DeadlineExceeded),
        }
    }

    /// Whether the same call may succeed later with nothing else changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.class().is_some_and(CodeClass::is_retryable)
    }

    /// Whether the object does not exist in the runtime: for a removal, that is success.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.class() == Some(CodeClass::NotFound)
    }

    /// Whether it was not the runtime that answered: it is away, or is not up yet.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Call { lost: true, .. })
    }

    /// Whether the runtime does not know this call, and another way must be found.
    #[must_use]
    pub fn is_unimplemented(&self) -> bool {
        self.class() == Some(CodeClass::Unimplemented)
    }

    /// The runtime's own words, for statuses and events that show them to users.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        match self {
            Self::Call { source, .. } => Some(&source.0),
            Self::Path { .. } | Self::Timeout { .. } => None,
        }
    }
}

/// The status' message, and the causes below it that a failed connection has (gRPC itself only says 'transport').
fn explain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !more.is_empty() && !text.contains(&more) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_that_callers_decide_by_has_its_class() {
        let cases = [
            (Code::NotFound, CodeClass::NotFound, false),
            (Code::AlreadyExists, CodeClass::AlreadyExists, false),
            (Code::Unavailable, CodeClass::Unavailable, true),
            (Code::Unimplemented, CodeClass::Unimplemented, false),
            (Code::DeadlineExceeded, CodeClass::DeadlineExceeded, true),
            (Code::Aborted, CodeClass::Other { code: 10 }, true),
            (Code::InvalidArgument, CodeClass::Other { code: 3 }, false),
        ];
        for (code, class, retryable) in cases {
            let error = CriError::from_status("StartContainer", "c1", &Status::new(code, "why"));
            assert_eq!(error.class(), Some(class));
            assert_eq!(error.is_retryable(), retryable, "{code:?}");
            assert_eq!(error.answer(), Some("why"));
        }
    }

    #[test]
    fn what_containerd_only_says_in_words_has_its_class() {
        let class = |message: &str| CriError::from_status("CreateContainer", "c", &Status::unknown(message)).class();
        assert_eq!(class("server is not initialized yet"), Some(CodeClass::Unavailable));
        let taken = "failed to reserve container name \"main_p_default_u_0\": name \"main_p_default_u_0\" is reserved for \"c1\"";
        assert_eq!(class(taken), Some(CodeClass::AlreadyExists));
        let starting = "failed to set starting state for container \"c1\": container is already in starting state";
        assert_eq!(class(starting), Some(CodeClass::AlreadyExists));
        let refused = CriError::from_status("PullImage", "i", &Status::unavailable("registry is down"));
        assert!(refused.class() == Some(CodeClass::Unavailable) && !refused.is_lost());
        assert_eq!(class("no space left on device"), Some(CodeClass::Other { code: 2 }));
        let other_code = CriError::from_status("CreateContainer", "c", &Status::internal(taken));
        assert_eq!(other_code.class(), Some(CodeClass::Other { code: 13 }));
    }

    #[test]
    fn display_names_call_and_object_and_leaves_the_answer_to_the_source() {
        let error = CriError::from_status("RemoveContainer", "c1", &Status::not_found("no such container: c1"));
        assert_eq!(error.to_string(), "RemoveContainer c1: not found");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no such container: c1"));
    }
}
