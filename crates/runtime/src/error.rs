//! How errors are told: the whole chain, outermost first.

use std::error::Error as StdError;
use std::fmt::Write as _;

/// An error with all its causes in one sentence.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        // Writing to a string does not fail. Some crates print their cause themselves: say it once.
        let said = e.to_string();
        if !text.ends_with(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = e.source();
    }
    text
}
