//! What ends the program early: bad input has an exit status of its own, and every chain of causes is printed here.

use std::fmt;
use std::process::ExitCode;

/// Exit status when a Pod failed, or when something could not be done.
pub const FAILED: u8 = 1;
/// Exit status for bad input, the same that the argument parser uses.
pub const BAD_INPUT: u8 = 2;
/// Exit status after Ctrl-C, as shells expect it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// What was given can't be used: manifests, flags, names. Nothing was started.
#[derive(Debug)]
pub struct BadInput(Vec<String>);

impl BadInput {
    /// One message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(vec![message.into()])
    }

    /// One message for each thing that is wrong.
    pub fn all(messages: Vec<String>) -> Self {
        Self(messages)
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for BadInput {}

/// Prints an error with its causes on stderr and says with which status to exit.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(BadInput(messages)) = error.downcast_ref() {
        messages.iter().for_each(|message| eprintln!("error: {message}"));
        return ExitCode::from(BAD_INPUT);
    }
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::from(FAILED)
}
