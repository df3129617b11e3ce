//! One sandbox with one container, from the first call to the last.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::requests::{Pod, container_config, sandbox_config};
use super::side::Side;

/// The calls, in order.
pub const CALLS: [&str; 7] = [
    "RunPodSandbox",
    "CreateContainer",
    "StartContainer",
    "StopContainer",
    "RemoveContainer",
    "StopPodSandbox",
    "RemovePodSandbox",
];

/// How long a program may take to say that it is up.
const LIMIT: Duration = Duration::from_secs(30);

/// Time for what goes on behind the answers to end, before the other runtime's turn.
const PAUSE: Duration = Duration::from_millis(100);

/// Milliseconds of each call.
pub type Life = [f64; CALLS.len()];

/// Makes and removes a sandbox with a container.
pub async fn live(side: &Side) -> Result<Life> {
    let (sandbox, container) = (sandbox_config(side)?, container_config());
    let mut clock = Clock::start();
    let pod = Pod::run(side, sandbox).await?;
    let run = clock.lap();
    let log = pod.log(&container);
    let id = pod.create(container).await?;
    let create = clock.lap();
    pod.start(&id).await?;
    let start = clock.lap();
    // The time until the program itself is ready to be asked is not the runtime's.
    wait_for_text(&log).await?;
    clock.lap();
    pod.stop_container(&id, 30).await?;
    let stop = clock.lap();
    pod.remove_container(&id).await?;
    let remove = clock.lap();
    pod.stop().await?;
    let stop_pod = clock.lap();
    pod.remove().await?;
    let remove_pod = clock.lap();
    sleep(PAUSE).await;
    Ok([run, create, start, stop, remove, stop_pod, remove_pod])
}

async fn wait_for_text(log: &Path) -> Result<()> {
    let start = Instant::now();
    while fs::metadata(log).map_or(0, |log| log.len()) == 0 {
        ensure!(start.elapsed() < LIMIT, "nothing in {}", log.display());
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the last lap.
    fn lap(&mut self) -> f64 {
        let lap = self.0.elapsed();
        self.0 = Instant::now();
        lap.as_secs_f64() * 1000.0
    }
}
