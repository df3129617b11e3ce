//! Where a client gets at the streams of a program in a container of a Pod.

use k8s_openapi::api::core::v1::{Container, Pod};
use serde::{Deserialize, Serialize};

use super::Node;
use crate::error::NodeError;
use crate::pod_key::PodKey;

/// Which standard streams a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedStreams {
    /// Give it input.
    pub stdin: bool,
    /// Take its output.
    pub stdout: bool,
    /// Take its error output, which a terminal does not have apart.
    pub stderr: bool,
    /// On a terminal.
    pub tty: bool,
}

impl Node {
    /// Where `command` can be run, once and soon, in a container (none: the Pod's first).
    ///
    /// # Errors
    /// If there is no such Pod or running container, or the runtime refuses.
    pub async fn exec(
        &self,
        key: &PodKey,
        container: Option<&str>,
        command: Vec<String>,
        streams: WantedStreams,
    ) -> Result<String, NodeError> {
        let (name, id) = self.running_container(key, container)?;
        let answer = self.inner.shared.runtime.exec_url(&id, command, streams).await;
        answer.map_err(|error| NodeError::Exec { key: key.clone(), container: name, source: Box::new(error) })
    }

    /// Where a client can attach, once and soon, to the program of a container (none: the Pod's first).
    ///
    /// # Errors
    /// If there is no such Pod or running container, or the runtime refuses.
    pub async fn attach(
        &self,
        key: &PodKey,
        container: Option<&str>,
        streams: WantedStreams,
    ) -> Result<String, NodeError> {
        let (name, id) = self.running_container(key, container)?;
        let answer = self.inner.shared.runtime.attach_url(&id, streams).await;
        answer.map_err(|error| NodeError::Attach { key: key.clone(), container: name, source: Box::new(error) })
    }

    /// Where a client can reach ports of a Pod, once and soon. `ports` are those that it names beforehand, if any.
    ///
    /// # Errors
    /// If there is no such Pod, it has no sandbox, or the runtime refuses.
    pub async fn port_forward(&self, key: &PodKey, ports: &[u16]) -> Result<String, NodeError> {
        let view = self.pod(key).ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?;
        let sandbox = view.ledger.sandbox.ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?;
        let answer = self.inner.shared.runtime.port_forward_url(&sandbox.id, ports).await;
        answer.map_err(|error| NodeError::PortForward { key: key.clone(), source: Box::new(error) })
    }

    /// Runs `command` in a container to its end: what it wrote, output before error output.
    ///
    /// # Errors
    /// If there is no such Pod or running container, or the runtime refuses.
    pub async fn run_command(&self, key: &PodKey, container: &str, command: Vec<String>) -> Result<Vec<u8>, NodeError> {
        let (name, id) = self.running_container(key, Some(container))?;
        let answer = self.inner.shared.runtime.exec(&id, command, 0).await;
        let answer =
            answer.map_err(|error| NodeError::Exec { key: key.clone(), container: name, source: Box::new(error) })?;
        Ok([answer.stdout, answer.stderr].concat())
    }

    /// Its name, and the id of its current run.
    fn running_container(&self, key: &PodKey, container: Option<&str>) -> Result<(String, String), NodeError> {
        let view = self.pod(key).ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?;
        let name = container.or_else(|| Some(&first_container(&view.pod)?.name)).unwrap_or_default();
        let run = view.ledger.containers.get(name).and_then(|c| c.run.as_ref()).filter(|run| run.is_running());
        let run = run.ok_or_else(|| NodeError::NoSuchContainer { key: key.clone(), container: name.to_owned() })?;
        Ok((name.to_owned(), run.id.clone()))
    }
}

fn first_container(pod: &Pod) -> Option<&Container> {
    pod.spec.as_ref().and_then(|spec| spec.containers.first())
}
