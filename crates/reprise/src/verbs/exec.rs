//! `reprise exec`: runs a program in a container and ends as it ended.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use reprise_node::{ExecOutput, PodKey};

use crate::access::{self, Access};
use crate::cli::ExecArgs;
use crate::settings::Settings;

/// Runs the verb.
pub async fn run(args: ExecArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    // Whether there is such a Pod is known without starting anything.
    let (pods, _) = access::look(settings).await?;
    let container = access::container(&access::find(pods, &key)?, args.container)?;
    let mut access = Access::open(settings).await?;
    let output = access.exec(&key, container, args.command).await;
    access.close().await;
    let output = output?;
    print(&output).context("writing the program's output")?;
    Ok(exit_code(output.exit_code))
}

fn print(output: &ExecOutput) -> io::Result<()> {
    io::stdout().write_all(&output.stdout)?;
    io::stdout().flush()?;
    io::stderr().write_all(&output.stderr)
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
