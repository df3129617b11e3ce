//! `reprise logs`: prints one run of one container, to its end if asked to.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use reprise_node::{NodePaths, PodKey, PodView, log_attempt};

use super::line::Line;
use super::tail::Tail;
use crate::access;
use crate::cli::LogsArgs;
use crate::settings::Settings;

/// Runs the verb. Both streams of the container come on standard output, in order, as from kubectl.
pub async fn run(args: LogsArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    let view = access::pod(settings, &key).await?;
    let container = access::container(&view, args.container)?;
    let attempt = log_attempt(&view, &container, args.previous)?;
    let mut tail = Tail::new(log_path(settings, &view, &container, attempt));
    print(&mut tail)?;
    while args.follow && goes_on(settings, &view, &container, attempt).await? {
        Tail::pause().await;
        print(&mut tail)?;
    }
    if args.follow {
        print(&mut tail)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn log_path(settings: &Settings, view: &PodView, container: &str, attempt: u32) -> PathBuf {
    NodePaths::new(&settings.data_dir).pod(&view.pod).log(container, attempt)
}

/// Whether this run of the container may still write. Its record says so, whether an agent runs or not.
async fn goes_on(settings: &Settings, view: &PodView, container: &str, attempt: u32) -> Result<bool> {
    let (now, _) = access::look(settings).await?;
    let same = now.iter().find(|pod| pod.pod.metadata.uid == view.pod.metadata.uid);
    let record = same.and_then(|pod| pod.ledger.containers.get(container));
    Ok(record.is_some_and(|r| r.restart_count == attempt && r.run.as_ref().is_some_and(|run| run.exit.is_none())))
}

fn print(tail: &mut Tail) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    tail.read_lines(|bytes| {
        if let Some(line) = Line::parse(bytes)
            && written.is_ok()
        {
            let end: &[u8] = if line.partial { b"" } else { b"\n" };
            written = out.write_all(line.text).and_then(|()| out.write_all(end));
        }
    })?;
    written.and_then(|()| out.flush()).context("writing the log")
}
