//! `reprise debug`: adds an ephemeral container to a running Pod and, if asked to, connects this terminal with it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::{ContainerState, EphemeralContainer, Pod};
use reprise_core::manifest::{decode_pod, read_plain};
use reprise_core::unsupported;
use reprise_node::{KernelSecurity, PodKey, PodView};
use serde_json::json;

use super::attach::attach;
use crate::access::{self, Access};
use crate::cli::{DebugArgs, LogsArgs};
use crate::failure::BadInput;
use crate::logs;
use crate::manifests;
use crate::run::input::fresh;
use crate::session::Local;
use crate::settings::Settings;

/// How often the container is looked at until it runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs the verb.
pub async fn run(args: DebugArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    let (pods, _) = access::look(settings).await?;
    access::find(pods, &key)?;
    let (local, pod) = (Local::of(args.streams), args.pod.clone());
    let connects = args.streams.stdin || args.streams.tty;
    let container = container(args, local.wanted().tty)?;
    warn(&container);
    let name = container.name.clone();
    let mut access = Access::open(settings).await?;
    let began = begin(&mut access, &key, container).await;
    let connected = match began {
        Ok(Began::Running) if connects => {
            let attached = attach(&mut access, settings, &key, name.clone(), local).await;
            match (attached, look(&mut access, &key, &name).await) {
                // It ended before it could be attached to.
                (Err(_), Ok(Some(Began::Ended(code)))) => Ok(Connected::TooLate(code)),
                (attached, _) => attached.map(Connected::Attached),
            }
        }
        Ok(Began::Ended(code)) if connects => Ok(Connected::TooLate(code)),
        Ok(_) => Ok(Connected::NotAsked),
        Err(error) => Err(error),
    };
    access.close().await;
    match connected? {
        Connected::Attached(code) => Ok(code),
        Connected::TooLate(code) => {
            let args = LogsArgs { pod, container: Some(name), follow: false, previous: false };
            logs::verb::run(args, settings).await?;
            Ok(ExitCode::from(code))
        }
        Connected::NotAsked => {
            outln!("container {name} was added to {key}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What became of the container, as far as it matters here.
enum Began {
    Running,
    /// With this exit code.
    Ended(u8),
}

enum Connected {
    NotAsked,
    Attached(ExitCode),
    /// What it has printed is in its log.
    TooLate(u8),
}

/// Says what the container works without.
fn warn(container: &EphemeralContainer) {
    let mut pod = Pod::default();
    pod.spec.get_or_insert_default().ephemeral_containers = Some(vec![container.clone()]);
    let mut gaps = unsupported::find(&pod).warnings;
    if !KernelSecurity::of_this_host().selinux {
        gaps.extend(unsupported::find_selinux(&pod).warnings);
    }
    gaps.iter().for_each(|gap| eprintln!("Warning: {gap}"));
}

/// Adds the container and waits until it has begun.
async fn begin(access: &mut Access, key: &PodKey, container: EphemeralContainer) -> Result<Began> {
    let name = container.name.clone();
    access.add_ephemeral(key, container).await?;
    loop {
        if let Some(began) = look(access, key, &name).await? {
            return Ok(began);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// None while it is on its way. The node goes on trying what fails, but here nobody should wait for that.
async fn look(access: &mut Access, key: &PodKey, name: &str) -> Result<Option<Began>> {
    let view = access::find(access.pods().await?, key)?;
    let Some(state) = state(&view, name) else { return Ok(None) };
    if state.running.is_some() {
        return Ok(Some(Began::Running));
    }
    if let Some(ended) = state.terminated {
        return Ok(Some(Began::Ended(u8::try_from(ended.exit_code).unwrap_or(u8::MAX))));
    }
    match state.waiting.map(|waiting| (waiting.reason.unwrap_or_default(), waiting.message)) {
        Some((reason, Some(message))) => {
            bail!("container {name} does not start yet: {reason}: {message} (the node goes on trying)")
        }
        _ => Ok(None),
    }
}

fn state(view: &PodView, name: &str) -> Option<ContainerState> {
    let statuses = view.status.ephemeral_container_statuses.iter().flatten();
    statuses.into_iter().find(|status| status.name == name).and_then(|status| status.state.clone())
}

/// The container that the flags, and the file that they name, describe. It gets a terminal where there is one to show it.
fn container(args: DebugArgs, tty: bool) -> Result<EphemeralContainer> {
    let mut container = args.custom.map(read).transpose()?.unwrap_or_default();
    if let Some(name) = args.container {
        container.name = name;
    }
    if container.name.is_empty() {
        container.name = format!("debugger-{}", fresh().suffix);
    }
    container.image = args.image.or(container.image);
    container.target_container_name = args.target.or(container.target_container_name);
    if args.streams.stdin {
        container.stdin = Some(true);
    }
    if tty {
        container.tty = Some(true);
    }
    if !args.command.is_empty() {
        container.command = Some(args.command);
    }
    Ok(container)
}

/// Read as strictly as a manifest: as part of one.
fn read(path: PathBuf) -> Result<EphemeralContainer> {
    let mut containers = Vec::new();
    for source in manifests::read(&[path])? {
        let wrong = |why: String| BadInput::new(format!("{}: {why}", source.name));
        let fields = read_plain(&source.text).map_err(|e| wrong(e.to_string()))?;
        let pod = json!({"spec": {"ephemeralContainers": [fields]}}).to_string();
        let decoded = decode_pod(&pod).map_err(|e| wrong(e.message()))?;
        containers.extend(decoded.pod.spec.and_then(|spec| spec.ephemeral_containers).unwrap_or_default());
    }
    match containers.len() {
        1 => Ok(containers.remove(0)),
        found => Err(BadInput::new(format!("--custom: one container is expected, not {found}")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StreamArgs;

    fn args() -> DebugArgs {
        let streams = StreamArgs { stdin: true, tty: false };
        DebugArgs {
            pod: "p".to_owned(),
            image: Some("busybox:1".to_owned()),
            container: None,
            target: Some("main".to_owned()),
            custom: None,
            streams,
            command: vec!["sh".to_owned()],
        }
    }

    #[test]
    fn flags_win_over_the_file_and_a_name_is_made_up() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "image: other:1\nvolumeMounts: [{name: data, mountPath: /data}]\n").unwrap();
        let found = container(DebugArgs { custom: Some(file.path().to_owned()), ..args() }, false).unwrap();
        assert_eq!((found.image.as_deref(), found.stdin, found.tty), (Some("busybox:1"), Some(true), None));
        assert!(found.name.starts_with("debugger-") && found.volume_mounts.is_some());
        assert_eq!(found.target_container_name.as_deref(), Some("main"));
    }

    #[test]
    fn a_field_that_does_not_exist_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "imagee: x\n").unwrap();
        let error =
            container(DebugArgs { custom: Some(file.path().to_owned()), ..args() }, false).unwrap_err().to_string();
        assert!(error.contains("unknown field \"spec.ephemeralContainers[0].imagee\""), "{error}");
    }
}
