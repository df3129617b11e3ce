//! Reading the arguments, and what can be wrong with a step.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::str::FromStr;

/// The steps that are left.
pub struct Script {
    arguments: Box<dyn Iterator<Item = String>>,
}

impl Script {
    pub fn new(arguments: impl Iterator<Item = String> + 'static) -> Self {
        Self { arguments: Box::new(arguments) }
    }

    /// The name of the next step; `None` at the end.
    pub fn next_step(&mut self) -> Option<String> {
        self.arguments.next()
    }

    /// An argument of a step.
    pub fn text(&mut self, what: &str) -> Result<String, Failure> {
        self.arguments.next().ok_or_else(|| Failure::Usage(format!("missing argument: {what}")))
    }

    /// A numeric argument of a step.
    pub fn number<N: FromStr>(&mut self, what: &str) -> Result<N, Failure> {
        let text = self.text(what)?;
        text.parse().map_err(|_| Failure::Usage(format!("{what} is not a number: {text:?}")))
    }
}

/// Why a script ended early.
pub enum Failure {
    /// The script is wrong.
    Usage(String),
    /// A step could not do its work.
    Step(String, io::Error),
}

impl Failure {
    /// For `map_err`: names what was being done.
    pub fn doing(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Step(what, error)
    }

    /// As in sysexits: EX_USAGE and EX_IOERR, so that tests can tell them from the codes they ask for.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(64),
            Self::Step(..) => ExitCode::from(74),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => f.write_str(what),
            Self::Step(what, error) => write!(f, "{what}: {error}"),
        }
    }
}
