//! Runs a command in a container of a Pod.

use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};

use super::Node;
use crate::error::NodeError;
use crate::pod_key::PodKey;

/// What a command in a container printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecOutput {
    /// Its standard output.
    #[serde(with = "base64_text")]
    pub stdout: Vec<u8>,
    /// Its standard error.
    #[serde(with = "base64_text")]
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub exit_code: i32,
}

impl Node {
    /// Runs `command` in a container (none: the Pod's first) and waits for its end, at most `limit_seconds` (0: for ever).
    ///
    /// # Errors
    /// If there is no such Pod or running container, or the runtime can't run the command.
    pub async fn exec(
        &self,
        key: &PodKey,
        container: Option<&str>,
        command: Vec<String>,
        limit_seconds: i64,
    ) -> Result<ExecOutput, NodeError> {
        let view = self.pod(key).ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?;
        let name = container.or_else(|| first_container(&view.pod)).unwrap_or_default();
        let run = view.ledger.containers.get(name).and_then(|c| c.run.as_ref()).filter(|run| run.is_running());
        let run = run.ok_or_else(|| NodeError::NoSuchContainer { key: key.clone(), container: name.to_owned() })?;
        let answer = self.inner.shared.runtime.exec(&run.id, command, limit_seconds).await;
        let answer = answer.map_err(|error| NodeError::Exec {
            key: key.clone(),
            container: name.to_owned(),
            source: Box::new(error),
        })?;
        Ok(ExecOutput { stdout: answer.stdout, stderr: answer.stderr, exit_code: answer.exit_code })
    }
}

fn first_container(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|s| s.containers.first()).map(|c| c.name.as_str())
}

mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
