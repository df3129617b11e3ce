//! What sandboxes and containers use.

use reprise_cri::v1::{ContainerStats, ListContainerStatsRequest, ListPodSandboxStatsRequest, PodSandboxStats};
use reprise_cri::{Call, CodeClass, CriError};

use super::Runtime;

impl Runtime {
    /// Usage by sandbox, with that of containers in it; by container where the runtime knows no other.
    pub(crate) async fn usage(&self) -> Result<(Vec<PodSandboxStats>, Vec<ContainerStats>), CriError> {
        let request = ListPodSandboxStatsRequest { filter: None };
        let call = Call::new("ListPodSandboxStats", "all Pods");
        match self.client.call(call, self.client.runtime().list_pod_sandbox_stats(request)).await {
            Ok(answer) => return Ok((answer.stats, Vec::new())),
            Err(error) if error.class() == Some(CodeClass::Unimplemented) => {}
            Err(error) => return Err(error),
        }
        let request = ListContainerStatsRequest { filter: None };
        let call = Call::new("ListContainerStats", "all Pods");
        let answer = self.client.call(call, self.client.runtime().list_container_stats(request)).await?;
        Ok((Vec::new(), answer.stats))
    }
}
