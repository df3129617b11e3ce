//! `reprise exec`: runs a program in a container and ends as it ended.

use std::process::ExitCode;

use anyhow::Result;
use reprise_node::PodKey;

use crate::access::{self, Access};
use crate::cli::ExecArgs;
use crate::session::{self, Local};
use crate::settings::Settings;

/// Runs the verb.
pub async fn run(args: ExecArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    // Whether there is such a Pod is known without starting anything.
    let (pods, _) = access::look(settings).await?;
    let container = access::container(&access::find(pods, &key)?, args.container)?;
    let local = Local::of(args.streams);
    let mut access = Access::open(settings).await?;
    let ended = match access.exec(&key, container, args.command, local.wanted()).await {
        Ok(url) => session::run(&url, &settings.runtime, local).await,
        Err(error) => Err(error),
    };
    access.close().await;
    ended
}
