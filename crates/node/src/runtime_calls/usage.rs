//! What sandboxes and containers use.

use std::collections::BTreeMap;

use reprise_cri::v1::{
    ContainerStats, ContainerStatsFilter, ListContainerStatsRequest, ListMetricDescriptorsRequest,
    ListPodSandboxMetricsRequest, ListPodSandboxStatsRequest, MetricDescriptor, PodSandboxMetrics, PodSandboxStats,
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

    /// The metrics that the runtime has names for, and their values.
    pub(crate) async fn metrics(&self) -> Result<(Vec<MetricDescriptor>, Vec<PodSandboxMetrics>), CriError> {
        let call = Call::new("ListMetricDescriptors", "all Pods");
        let request = ListMetricDescriptorsRequest {};
        let known = self.client.call(call, self.client.runtime().list_metric_descriptors(request)).await?;
        let call = Call::new("ListPodSandboxMetrics", "all Pods");
        let request = ListPodSandboxMetricsRequest {};
        let measured = self.client.call(call, self.client.runtime().list_pod_sandbox_metrics(request)).await?;
        Ok((known.descriptors, measured.pod_metrics))
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
