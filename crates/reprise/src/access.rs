//! How a verb gets at the Pods of a data folder: through the agent that works on it, by reading the records where none
//! does, or by being the agent for a moment.

use std::path::Path;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::EphemeralContainer;
use reprise_core::annotations::RESTART_AT;
use reprise_node::{ControlClient, ControlError, NodeError, PodKey, PodView, WantedStreams, read_views};

use crate::agent::Agent;
use crate::settings::Settings;

/// All Pods, for a verb that only looks. Says on stderr if nobody looks after them.
pub async fn pods(settings: &Settings) -> Result<Vec<PodView>> {
    let (pods, by_agent) = look(settings).await?;
    if !by_agent && !pods.is_empty() {
        eprintln!("note: no agent runs on {}: this is how the last one left the Pods", settings.data_dir.display());
    }
    Ok(pods)
}

/// All Pods, and whether an agent told of them.
pub async fn look(settings: &Settings) -> Result<(Vec<PodView>, bool)> {
    match ControlClient::connect(&settings.data_dir).await {
        Ok(mut client) => Ok((client.pods().await.context("can't list the Pods")?, true)),
        Err(ControlError::NoAgent { .. }) => {
            Ok((read_views(&settings.data_dir).context("can't read the Pods' records")?, false))
        }
        Err(error) => Err(error).context("can't list the Pods"),
    }
}

/// One Pod, for a verb that only looks.
pub async fn pod(settings: &Settings, key: &PodKey) -> Result<PodView> {
    find(pods(settings).await?, key)
}

/// One Pod of several.
pub fn find(pods: Vec<PodView>, key: &PodKey) -> Result<PodView> {
    let found = pods.into_iter().find(|pod| PodKey::of(&pod.pod) == *key);
    Ok(found.ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?)
}

/// An agent to ask for something: the one that runs, or this process.
pub enum Access {
    Other(Box<ControlClient>),
    Own(Box<Agent>),
}

impl Access {
    /// Connects to the agent of the data folder, or becomes it. A folder without Pods needs none.
    pub async fn open(settings: &Settings) -> Result<Self> {
        match ControlClient::connect(&settings.data_dir).await {
            Ok(client) => Ok(Self::Other(Box::new(client))),
            Err(ControlError::NoAgent { .. }) => Ok(Self::Own(Box::new(Agent::start(settings).await?.0))),
            Err(error) => Err(error).context("can't reach the agent"),
        }
    }

    /// All Pods.
    pub async fn pods(&mut self) -> Result<Vec<PodView>> {
        match self {
            Self::Other(client) => client.pods().await.context("can't list the Pods"),
            Self::Own(agent) => Ok(agent.node.pods()),
        }
    }

    /// Deletes a Pod and waits until nothing of it is left.
    pub async fn delete(&mut self, key: &PodKey, grace_seconds: Option<i64>, data_dir: &Path) -> Result<()> {
        match self {
            Self::Other(client) => match client.delete(key.clone(), grace_seconds, true).await {
                // An agent that had nothing else to do may end before it answers.
                Err(ControlError::Broken { .. }) if is_gone(data_dir, key)? => Ok(()),
                answer => Ok(answer?),
            },
            Self::Own(agent) => {
                agent.node.delete(key, grace_seconds.map(jiff::SignedDuration::from_secs)).await?;
                agent.node.gone(key).await;
                Ok(())
            }
        }
    }

    /// Asks for an in-place restart.
    pub async fn restart(&mut self, key: &PodKey, at: Timestamp) -> Result<()> {
        let at = at.to_string();
        match self {
            Self::Other(client) => Ok(client.annotate(key.clone(), RESTART_AT, &at).await?),
            Self::Own(agent) => Ok(agent.node.annotate(key, RESTART_AT, &at).await?),
        }
    }

    /// Adds an ephemeral container to a Pod.
    pub async fn add_ephemeral(&mut self, key: &PodKey, container: EphemeralContainer) -> Result<()> {
        match self {
            Self::Other(client) => Ok(client.add_ephemeral(key.clone(), container).await?),
            Self::Own(agent) => Ok(agent.node.add_ephemeral(key, vec![container]).await?),
        }
    }

    /// Where a command can be run in a container.
    pub async fn exec(
        &mut self,
        key: &PodKey,
        container: String,
        command: Vec<String>,
        streams: WantedStreams,
    ) -> Result<String> {
        match self {
            Self::Other(client) => Ok(client.exec(key.clone(), Some(container), command, streams).await?),
            Self::Own(agent) => Ok(agent.node.exec(key, Some(&container), command, streams).await?),
        }
    }

    /// Where a container can be attached to.
    pub async fn attach(&mut self, key: &PodKey, container: String, streams: WantedStreams) -> Result<String> {
        match self {
            Self::Other(client) => Ok(client.attach(key.clone(), Some(container), streams).await?),
            Self::Own(agent) => Ok(agent.node.attach(key, Some(&container), streams).await?),
        }
    }

    /// Ends the agent if it is this process. Containers go on.
    pub async fn close(self) {
        if let Self::Own(agent) = self {
            agent.stop().await;
        }
    }
}

fn is_gone(data_dir: &Path, key: &PodKey) -> Result<bool> {
    let pods = read_views(data_dir).context("can't read the Pods' records")?;
    Ok(!pods.iter().any(|pod| PodKey::of(&pod.pod) == *key))
}

/// The container that a verb is about: the one asked for, or the first regular one, told as kubectl tells it.
pub fn container(pod: &PodView, asked: Option<String>) -> Result<String> {
    let spec = pod.pod.spec.as_ref();
    let regular: Vec<&str> = spec.into_iter().flat_map(|spec| &spec.containers).map(|c| c.name.as_str()).collect();
    let init = spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten()).map(|c| c.name.as_str());
    let mut ephemeral = spec.into_iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten());
    let key = PodKey::of(&pod.pod);
    match asked {
        Some(name) if regular.contains(&name.as_str()) || init.clone().any(|c| c == name) => Ok(name),
        Some(name) if ephemeral.any(|c| c.name == name) => Ok(name),
        Some(name) => bail!("container {name} is not valid for pod {}", key.name),
        None => {
            let first = (*regular.first().context("the Pod has no containers")?).to_owned();
            let others: Vec<String> = init.map(|name| format!("{name} (init)")).collect();
            if regular.len() + others.len() > 1 {
                let all: Vec<String> = regular.iter().map(|name| (*name).to_owned()).chain(others).collect();
                eprintln!("Defaulted container {first:?} out of: {}", all.join(", "));
            }
            Ok(first)
        }
    }
}
