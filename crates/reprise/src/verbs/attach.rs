//! `reprise attach`: connects this terminal with the program of a container, until either ends.

use std::process::ExitCode;

use anyhow::Result;
use k8s_openapi::api::core::v1::Container;
use reprise_node::{PodKey, PodView};

use crate::access::{self, Access};
use crate::cli::{AttachArgs, StreamArgs};
use crate::session::{self, Local};
use crate::settings::Settings;

/// Runs the verb.
pub async fn run(args: AttachArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    let (pods, _) = access::look(settings).await?;
    let pod = access::find(pods, &key)?;
    let container = access::container(&pod, args.container)?;
    let local = Local::of(possible(args.streams, &pod, &container));
    let mut access = Access::open(settings).await?;
    let ended = match access.attach(&key, container, local.wanted()).await {
        Ok(url) => session::run(&url, &settings.runtime, local).await,
        Err(error) => Err(error),
    };
    access.close().await;
    ended
}

/// What is asked for, as far as the container has it; what it has not is said.
fn possible(asked: StreamArgs, pod: &PodView, name: &str) -> StreamArgs {
    let spec = pod.pod.spec.as_ref();
    let containers = spec.into_iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    let has =
        |field: fn(&Container) -> Option<bool>| containers.clone().any(|c| c.name == name && field(c) == Some(true));
    let (stdin, tty) = (has(|c| c.stdin), has(|c| c.tty));
    if asked.stdin && !stdin {
        eprintln!("note: container {name} takes no input (its manifest does not say `stdin: true`)");
    }
    if asked.tty && !tty {
        eprintln!("note: container {name} has no terminal (its manifest does not say `tty: true`)");
    }
    StreamArgs { stdin: asked.stdin && stdin, tty: asked.tty && tty }
}
