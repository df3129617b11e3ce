//! The hidden entry points of the program: it is its own shim and its own helpers.
//!
//! Starting a fresh copy of the program, rather than forking, gives each of them one thread and no locks held.

use std::path::Path;
use std::process::ExitCode;

/// First argument of a shim.
pub(crate) const SHIM: &str = "__shim";
/// First argument of a helper that creates a container.
pub(crate) const CREATE: &str = "__create";
/// First argument of a helper that runs a program in a container.
pub(crate) const EXEC: &str = "__exec";
/// First argument of the first process of a shared PID namespace.
pub(crate) const INIT: &str = "__init";

/// Takes over if the program was started as one of its own parts. To be called first in `main`, before any thread
/// exists; `arguments` are those after the program's name.
pub fn dispatch(arguments: &[String]) -> Option<ExitCode> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [SHIM, folder] => Some(crate::shim::run(Path::new(folder))),
        [CREATE, folder, executed] => Some(crate::create::run(Path::new(folder), executed, None)),
        [CREATE, folder, executed, terminal] => Some(crate::create::run(Path::new(folder), executed, Some(terminal))),
        [EXEC, folder, session, command @ ..] => Some(crate::exec::run(Path::new(folder), Path::new(session), command)),
        [INIT] => Some(crate::pid_namespace::run()),
        _ => None,
    }
}
