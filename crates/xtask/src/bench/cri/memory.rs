//! What idle Pods cost a runtime.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::time::sleep;

use super::requests::{Pod, container_config, sandbox_config};
use super::side::Side;
use crate::bench::procfs::pss_bytes;

/// Time for what goes on behind the answers to end.
const SETTLE: Duration = Duration::from_secs(3);

/// The cost, in units of 10^6 bytes. The containers' own programs and a sandbox's first process are not among it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// How many Pods of one container.
    pub pods: u32,
    /// PSS of the runtime before.
    pub runtime_before_mb: f64,
    /// PSS of the runtime with the Pods.
    pub runtime_mb: f64,
    /// PSS of all shims.
    pub shims_mb: f64,
    /// Shims, and the growth of the runtime, by Pod.
    pub per_pod_mb: f64,
}

/// Makes the Pods, measures, and removes them.
pub async fn measure(side: &Side, pods: u32) -> Result<Memory> {
    sleep(SETTLE).await;
    let runtime_before_mb = megabytes(pss_bytes(side.pid()?));
    let mut running = Vec::new();
    for _ in 0..pods {
        let pod = Pod::run(side, sandbox_config(side)?).await?;
        let id = pod.create(container_config()).await?;
        pod.start(&id).await?;
        running.push(pod);
    }
    sleep(SETTLE).await;
    let runtime_mb = megabytes(pss_bytes(side.pid()?));
    let shims_mb = megabytes(side.shims().into_iter().map(pss_bytes).sum());
    for pod in &running {
        pod.stop().await?;
        pod.remove().await?;
    }
    let growth = (runtime_mb - runtime_before_mb).max(0.0);
    let per_pod_mb = (shims_mb + growth) / f64::from(pods);
    Ok(Memory { pods, runtime_before_mb, runtime_mb, shims_mb, per_pod_mb })
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
