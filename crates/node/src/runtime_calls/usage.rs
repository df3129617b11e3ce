//! What sandboxes and containers use.

use std::collections::BTreeMap;

use reprise_cri::v1::{
    ContainerStats, ContainerStatsFilter, ListContainerStatsRequest, ListPodSandboxStatsRequest, PodSandboxStats,
};
use reprise_cri::{Call, CodeClass, CriError};

use super::Runtime;

impl Runtime {
    /// The bytes in the writable layers of a sandbox's containers, by the containers' ids, as far as they are measured.
    pub(crate) async fn layers_of(&self, sandbox: &str) -> Result<BTreeMap<String, u64>, CriError> {
        let filter = ContainerStatsFilter { pod_sandbox_id: sandbox.to_owned(), ..ContainerStatsFilter::default() };
        let request = ListContainerStatsRequest { filter: Some(filter) };
        let call = Call::new("ListContainerStats", sandbox);
        let answer = match self.client.call(call, self.client.runtime().list_container_stats(request)).await {
            Ok(answer) => answer,
            // Volumes and logs can be measured all the same.
            Err(error) if error.class() == Some(CodeClass::Unimplemented) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let layer = |stats: ContainerStats| Some((stats.attributes?.id, stats.writable_layer?.used_bytes?.value));
        Ok(answer.stats.into_iter().filter_map(layer).collect())
    }

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
