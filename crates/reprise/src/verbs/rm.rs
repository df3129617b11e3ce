//! `reprise rm`: deletes Pods and waits until nothing of them is left.

use std::process::ExitCode;

use anyhow::Result;
use reprise_node::{NodeError, PodKey, PodView};

use crate::access::{self, Access};
use crate::cli::RmArgs;
use crate::failure;
use crate::settings::Settings;

/// Runs the verb. Goes on after a failure: the other Pods shall be gone all the same.
pub async fn run(args: RmArgs, settings: &Settings) -> Result<ExitCode> {
    let (pods, by_agent) = access::look(settings).await?;
    let keys = wanted(&args, &pods);
    let mut code = ExitCode::SUCCESS;
    let (known, unknown): (Vec<PodKey>, Vec<PodKey>) =
        keys.into_iter().partition(|key| pods.iter().any(|pod| PodKey::of(&pod.pod) == *key));
    for key in unknown {
        code = failure::report(&NodeError::NoSuchPod { key }.into());
    }
    // With --all, an agent is also started for a folder without Pods if a crash may have left something there.
    let left_behind = args.all && !by_agent && settings.data_dir.exists();
    if known.is_empty() && !left_behind {
        return Ok(code);
    }
    let mut access = Access::open(settings).await?;
    for key in known {
        match access.delete(&key, args.grace_period.map(i64::from), &settings.data_dir).await {
            Ok(()) => outln!("{key} removed"),
            Err(error) => code = failure::report(&error.context(format!("can't delete the Pod {key}"))),
        }
    }
    access.close().await;
    Ok(code)
}

fn wanted(args: &RmArgs, pods: &[PodView]) -> Vec<PodKey> {
    if args.all {
        return pods.iter().map(|pod| PodKey::of(&pod.pod)).collect();
    }
    let mut keys = Vec::new();
    for name in &args.pods {
        let Ok(key) = name.parse::<PodKey>();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
