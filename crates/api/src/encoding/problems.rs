//! What is made of what does not fit: an error, or warnings for who wants no error.

use reprise_core::manifest::Problem;

use crate::request::FieldValidation;

/// Splits problems into what must be answered as an error and what the client is warned of.
pub(super) fn judge(problems: &[Problem], validation: FieldValidation) -> Result<Vec<String>, String> {
    if let Some(problem) = problems.iter().find(|problem| !problem.is_strict()) {
        return Err(problem.text.clone());
    }
    judge_strict(problems.iter().map(|problem| problem.text.clone()).collect(), validation)
}

/// The same for what only strictness refuses.
pub(super) fn judge_strict(texts: Vec<String>, validation: FieldValidation) -> Result<Vec<String>, String> {
    match validation {
        _ if texts.is_empty() => Ok(texts),
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(texts),
        FieldValidation::Strict => Err(format!("strict decoding error: {}", texts.join(", "))),
    }
}
