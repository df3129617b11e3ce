//! `reprise`: runs Pods on this machine and restarts them in place.
//!
//! One program for everything: the node agent with its runtime, the verbs that look at it, and, started again under
//! hidden names, the runtime's shims and helpers and the programs of the demo's containers.

#[macro_use]
mod stdout;

mod access;
mod agent;
mod cli;
mod controller;
mod demo;
mod duration_text;
mod failure;
mod image;
mod interrupt;
mod logs;
mod manifests;
mod pod;
mod run;
mod runtime_choice;
mod session;
mod settings;
mod up;
mod verbs;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use cli::{Cli, Command, LogArgs, Output};
use failure::BadInput;
use settings::Settings;

/// The runtime's worker threads: Pods wait for the kernel and for disks, not for processors.
const WORKERS: usize = 4;

/// The threads for files of a fleet, which are in memory: more of them would only wait for processors.
const FLEET_BLOCKING: usize = 4;

fn main() -> ExitCode {
    // Before anything else: the runtime's own parts must not have a second thread.
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    if let Some(code) = reprise_runtime::reexec::dispatch(&arguments) {
        return code;
    }
    reprise_runtime::process_memory::share_pools();
    let cli = Cli::parse();
    start(cli).unwrap_or_else(|error| failure::report(&error))
}

fn start(cli: Cli) -> Result<ExitCode> {
    if let Command::Workload { program } = cli.command {
        let single = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return single.context("can't start the async runtime")?.block_on(demo::workload::run(program));
    }
    log_to_stderr(&cli.log)?;
    let mut many = tokio::runtime::Builder::new_multi_thread();
    many.worker_threads(WORKERS).enable_all();
    if let Command::Fleet(_) = &cli.command {
        many.max_blocking_threads(FLEET_BLOCKING);
    }
    many.build().context("can't start the async runtime")?.block_on(carry_out(cli))
}

async fn carry_out(cli: Cli) -> Result<ExitCode> {
    let Cli { node, command, log: _ } = cli;
    if let Command::Demo(args) = &command {
        return demo::run(args, &node).await;
    }
    if let Command::Fleet(args) = command {
        return verbs::fleet::run(args).await;
    }
    let settings = Settings::of(&node)?;
    match command {
        Command::Run(args) => run::run(args, &settings).await,
        Command::Ps(args) => verbs::ps::run(&args, &settings).await,
        Command::Logs(args) => logs::verb::run(args, &settings).await,
        Command::Exec(args) => verbs::exec::run(args, &settings).await,
        Command::Attach(args) => verbs::attach::run(args, &settings).await,
        Command::Debug(args) => verbs::debug::run(args, &settings).await,
        Command::Rm(args) => verbs::rm::run(args, &settings).await,
        Command::Restart(args) => verbs::restart::run(args, &settings).await,
        Command::Up(args) => up::run(args, &settings).await,
        Command::Down(args) => up::down::run(&args, &settings).await,
        Command::Kubeconfig(args) => up::kubeconfig::print(&args, &settings),
        Command::Node(args) => verbs::node::run(args, &settings).await,
        Command::Controller(args) => controller::run(args).await,
        Command::Cri(args) => verbs::cri::run(args, &settings).await,
        Command::Image(command) => image::run(command, &settings).await,
        // These were taken care of above.
        Command::Demo(_) | Command::Fleet(_) | Command::Workload { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// What the agent itself has to say.
fn log_to_stderr(args: &LogArgs) -> Result<()> {
    let level = &args.log_level;
    let filter = tracing_subscriber::EnvFilter::try_new(level);
    let filter = filter.map_err(|e| BadInput::new(format!("--log-level {level}: {e}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        Output::Text => log.init(),
        Output::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
