//! `restart-agent`: one in each worker Pod of a JobSet that restarts in place.
//!
//! It notes in the Pod which attempt the Pod has reached, holds the worker back until all Pods are there, and ends with an exit
//! code by which its Pod restarts in place when another one has gone ahead. What it decides is in `reprise_jobset::barrier`; here
//! is how it hears of the JobSet, and how it holds a worker back. It is small: there may be thousands of it.

mod api;
mod backoff;
mod body;
mod connection;
mod credentials;
mod error;
mod follow;
mod probe;
mod settings;
mod worker;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use error::chain;
use settings::Settings;
use worker::Worker;

/// The agent can't do its work. It must not be the code that restarts the Pod, which would only end here again.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn start() -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::read(|name| env::var(name).ok())?;
    let worker = Worker::new(settings.mode.clone())?;
    follow::follow(&settings, &worker)?;
    worker.restart(settings.restart_exit_code)
}
