//! Steps that decide when and how the program ends.
//!
//! | step | does |
//! |---|---|
//! | `exit CODE` | ends |
//! | `exit-if FILE eq\|lt\|ge N CODE` | ends if the counter in FILE (none is 0) compares so with N |
//! | `exit-if-exists FILE CODE`, `exit-if-missing FILE CODE` | ends if the file is there, is not there |
//! | `sleep-ms N` | waits |
//! | `wait-file FILE`, `wait-missing FILE` | waits until the file is there, is gone |
//! | `wait-count FILE N` | waits until the counter in FILE is at least N |
//! | `forever` | waits for a signal |
//! | `on-term CODE` | lets SIGTERM end with CODE |
//! | `on-term-append FILE TEXT` | lets SIGTERM append a line first |
//! | `ignore-term` | lets SIGTERM do nothing |

use std::path::Path;
use std::process::exit;
use std::thread::{park, sleep};
use std::time::Duration;

use crate::files::read_count;
use crate::script::{Failure, Script};
use crate::signals;

/// How often a waiting step looks. Short, since tests measure what follows.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "exit" => exit(script.number("code")?),
        "exit-if" => exit_if(script)?,
        "exit-if-exists" => exit_if_there(script, true)?,
        "exit-if-missing" => exit_if_there(script, false)?,
        "sleep-ms" => sleep(Duration::from_millis(script.number("milliseconds")?)),
        "wait-file" => wait_until_there(script, true)?,
        "wait-missing" => wait_until_there(script, false)?,
        "wait-count" => wait_count(script)?,
        "forever" => loop {
            park();
        },
        "on-term" => signals::exit_on_term(Some(script.number("code")?)),
        "on-term-append" => signals::note_on_term(script.text("file")?, script.text("text")?),
        "ignore-term" => signals::exit_on_term(None),
        _ => return Ok(false),
    }
    Ok(true)
}

fn exit_if(script: &mut Script) -> Result<(), Failure> {
    let file = script.text("file")?;
    let comparison = script.text("eq, lt or ge")?;
    let number: u64 = script.number("number")?;
    let code = script.number("code")?;
    let count = read_count(&file)?;
    let holds = match comparison.as_str() {
        "eq" => count == number,
        "lt" => count < number,
        "ge" => count >= number,
        other => return Err(Failure::Usage(format!("{other:?} is none of eq, lt, ge"))),
    };
    if holds {
        exit(code);
    }
    Ok(())
}

fn exit_if_there(script: &mut Script, there: bool) -> Result<(), Failure> {
    let file = script.text("file")?;
    let code = script.number("code")?;
    if Path::new(&file).exists() == there {
        exit(code);
    }
    Ok(())
}

fn wait_until_there(script: &mut Script, there: bool) -> Result<(), Failure> {
    let file = script.text("file")?;
    while Path::new(&file).exists() != there {
        sleep(LOOK_EVERY);
    }
    Ok(())
}

fn wait_count(script: &mut Script) -> Result<(), Failure> {
    let file = script.text("file")?;
    let number: u64 = script.number("number")?;
    while read_count(&file)? < number {
        sleep(LOOK_EVERY);
    }
    Ok(())
}
