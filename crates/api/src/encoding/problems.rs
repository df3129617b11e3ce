//! What is made of what does not fit: an error, or a warning for who wants no error.

use reprise_core::manifest::Problem;

/// What becomes of unknown fields and of those that come twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the client is warned.
    #[default]
    Warn,
    /// They are an error.
    Strict,
}

impl FieldValidation {
    /// The value of the query parameter `fieldValidation`; none if it is no such word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Ignore" => Some(Self::Ignore),
            "" | "Warn" => Some(Self::Warn),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }

    /// Splits problems into what must be answered as an error and what the client is warned of.
    pub(super) fn judge(self, problems: &[Problem]) -> Result<Vec<String>, String> {
        if let Some(problem) = problems.iter().find(|problem| !problem.is_strict()) {
            return Err(problem.text.clone());
        }
        self.judge_strict(problems.iter().map(|problem| problem.text.clone()).collect())
    }

    /// The same for what only strictness refuses.
    pub(super) fn judge_strict(self, texts: Vec<String>) -> Result<Vec<String>, String> {
        match self {
            _ if texts.is_empty() => Ok(texts),
            Self::Ignore => Ok(Vec::new()),
            Self::Warn => Ok(texts),
            Self::Strict => Err(format!("strict decoding error: {}", texts.join(", "))),
        }
    }
}
