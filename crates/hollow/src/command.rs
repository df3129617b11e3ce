//! The fault script: what is to happen to which node, one command a line.
//!
//! ```text
//! exit NODE CODE [CONTAINER]     a worker on that node exits with CODE; the first one, or the one called CONTAINER
//! die NODE                       the node dies with all that runs on it, without a word to anybody
//! 30s exit 17 1                  in a script: so long after all nodes are ready
//! # ...                          nothing
//! ```
//!
//! NODE is a node's name or its number.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// Something that is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A worker ends.
    Exit {
        /// The node's name or number.
        node: String,
        /// The exit code.
        code: i32,
        /// The container's name; the first worker if none is given.
        container: Option<String>,
    },
    /// A node dies.
    Die {
        /// The node's name or number.
        node: String,
    },
}

/// A command with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// After all nodes are ready; at once, if none is given.
    pub after: Duration,
    /// What happens.
    pub command: Command,
}

/// A line that is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The first word is no command.
    #[error(
        "{word:?} is no command: exit NODE CODE [CONTAINER] and die NODE are, after a time such as 30s if one is wanted"
    )]
    Unknown {
        /// The word.
        word: String,
    },
    /// A command lacks something.
    #[error("{usage} is needed")]
    Usage {
        /// How it is written.
        usage: &'static str,
    },
    /// The code is none.
    #[error("{text:?} is no exit code: a number from 0 to 255 is needed")]
    Code {
        /// What is there.
        text: String,
    },
}

impl Timed {
    /// The command of each line that has one. The error names the line.
    ///
    /// # Errors
    /// The first line that is wrong, counted from 1.
    pub fn read_script(text: &str) -> Result<Vec<Self>, (usize, CommandError)> {
        let lines =
            text.lines().enumerate().map(|(number, line)| (number + 1, line.split('#').next().unwrap_or_default()));
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(number, line)| line.parse().map_err(|error| (number, error))).collect()
    }
}

impl FromStr for Timed {
    type Err = CommandError;

    fn from_str(line: &str) -> Result<Self, CommandError> {
        let mut words = line.split_whitespace().peekable();
        let time = words.peek().and_then(|word| word.parse::<SignedDuration>().ok());
        let after = time.and_then(|time| Duration::try_from(time).ok());
        if after.is_some() {
            words.next();
        }
        let command = match words.next().unwrap_or_default() {
            "exit" => exit(words)?,
            "die" => Command::Die { node: only(words).ok_or(CommandError::Usage { usage: "die NODE" })? },
            word => return Err(CommandError::Unknown { word: word.to_owned() }),
        };
        Ok(Self { after: after.unwrap_or_default(), command })
    }
}

fn exit<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Command, CommandError> {
    const USAGE: CommandError = CommandError::Usage { usage: "exit NODE CODE [CONTAINER]" };
    let (Some(node), Some(code)) = (words.next(), words.next()) else { return Err(USAGE) };
    let container = words.next().map(str::to_owned);
    if words.next().is_some() {
        return Err(USAGE);
    }
    let code = code.parse::<u8>().map_err(|_| CommandError::Code { text: code.to_owned() })?;
    Ok(Command::Exit { node: node.to_owned(), code: i32::from(code), container })
}

fn only<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = words.next()?.to_owned();
    words.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_a_command_a_line_with_or_without_a_time() {
        let script = "# faults\nexit 17 1\n1m30s exit hollow-3 88 trainer # late\n\n500ms die 4\n";
        let exit = |node: &str, code, container: Option<&str>| Command::Exit {
            node: node.to_owned(),
            code,
            container: container.map(str::to_owned),
        };
        let expected = [
            Timed { after: Duration::ZERO, command: exit("17", 1, None) },
            Timed { after: Duration::from_secs(90), command: exit("hollow-3", 88, Some("trainer")) },
            Timed { after: Duration::from_millis(500), command: Command::Die { node: "4".to_owned() } },
        ];
        assert_eq!(Timed::read_script(script).unwrap(), expected);
    }

    #[test]
    fn a_wrong_line_is_named_and_says_how_it_is_written() {
        for (line, part) in [
            ("kill 3", "\"kill\" is no command"),
            ("exit 3", "exit NODE CODE"),
            ("exit 3 256", "0 to 255"),
            ("exit 3 1 a b", "exit NODE CODE"),
            ("5s", "no command"),
            ("die", "die NODE"),
        ] {
            let (number, error) = Timed::read_script(&format!("die 1\n{line}")).unwrap_err();
            assert!(number == 2 && error.to_string().contains(part), "{line}: {error}");
        }
    }
}
