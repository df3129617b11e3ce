//! The workload of test containers: a script of steps, given as arguments.
//!
//!     testload count /data/runs exit-if /data/runs eq 1 88 forever
//!
//! runs forever, except the first time, when it exits with 88. One static program without a shell or a file system
//! around it makes tests say exactly what a container does, and lets them ask **from inside** what the container
//! was given (`id`, `caps`, `mounts`, ...). It behaves as PID 1 must: SIGTERM ends it (with 143, unless told
//! otherwise) although the kernel would drop it, and orphans are reaped.
//!
//! Steps by subject: [`flow`], [`files`], [`streams`], [`report`], [`attempts`], [`load`], [`network`]. A script that
//! ends, ends with 0; a step that fails ends it with 74 and an unknown step with 64.

mod attempts;
mod files;
mod flow;
mod load;
mod network;
mod report;
mod script;
mod signals;
mod streams;

use std::process::ExitCode;

use script::{Failure, Script};

fn main() -> ExitCode {
    signals::handle_in_background();
    let mut script = Script::new(std::env::args().skip(1));
    match run(&mut script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("testload: {failure}");
            failure.exit_code()
        }
    }
}

/// Takes steps one after the other until the script ends.
fn run(script: &mut Script) -> Result<(), Failure> {
    while let Some(name) = script.next_step() {
        let known = flow::step(&name, script)?
            || files::step(&name, script)?
            || report::step(&name, script)?
            || streams::step(&name, script)?
            || attempts::step(&name, script)?
            || load::step(&name, script)?
            || network::step(&name, script)?;
        if !known {
            return Err(Failure::Usage(format!("unknown step {name:?}")));
        }
    }
    Ok(())
}
