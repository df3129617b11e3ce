//! Many containers, by several clients at once.

use std::time::Instant;

use anyhow::Result;

use super::requests::{Pod, container_config, sandbox_config};
use super::side::Side;

pub const CONTAINERS: usize = 100;
pub const CLIENTS: usize = 4;
/// In each Pod, one after the other.
const PER_POD: usize = 5;

/// From the first call to the last answer, with all removed again.
pub async fn seconds(side: &Side) -> Result<f64> {
    let start = Instant::now();
    tokio::try_join!(client(side), client(side), client(side), client(side))?;
    Ok(start.elapsed().as_secs_f64())
}

async fn client(side: &Side) -> Result<()> {
    for _ in 0..CONTAINERS / CLIENTS / PER_POD {
        let pod = Pod::run(side, sandbox_config(side)?).await?;
        for _ in 0..PER_POD {
            let id = pod.create(container_config()).await?;
            pod.start(&id).await?;
            pod.stop_container(&id, 0).await?;
            pod.remove_container(&id).await?;
        }
        pod.stop().await?;
        pod.remove().await?;
    }
    Ok(())
}
