//! `reprise attach`: connects this terminal with the program of a container, until either ends.

use std::process::ExitCode;

use anyhow::Result;
use k8s_openapi::api::core::v1::Container;
use reprise_core::roles::ephemeral_as_container;
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
    let ended = attach(&mut access, settings, &key, container, local).await;
    access.close().await;
    ended
}

/// Connects `local` with a container's program.
pub async fn attach(
    access: &mut Access,
    settings: &Settings,
    key: &PodKey,
    container: String,
    local: Local,
) -> Result<ExitCode> {
    let url = access.attach(key, container, local.wanted()).await?;
    session::run(&url, &settings.runtime, local).await
}

/// What is asked for, as far as the container has it; what it has not is said.
fn possible(asked: StreamArgs, pod: &PodView, name: &str) -> StreamArgs {
    let spec = pod.pod.spec.as_ref();
    let regular = spec.into_iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten())).cloned();
    let ephemeral = spec.into_iter().flat_map(|s| s.ephemeral_containers.iter().flatten()).map(ephemeral_as_container);
    let found = regular.chain(ephemeral).find(|container| container.name == name);
    let has = |field: fn(&Container) -> Option<bool>| found.as_ref().and_then(field) == Some(true);
    let (stdin, tty) = (has(|c| c.stdin), has(|c| c.tty));
    if asked.stdin && !stdin {
        eprintln!("note: container {name} takes no input (its manifest does not say `stdin: true`)");
    }
    if asked.tty && !tty {
        eprintln!("note: container {name} has no terminal (its manifest does not say `tty: true`)");
    }
    StreamArgs { stdin: asked.stdin && stdin, tty: asked.tty && tty }
}
