//! `reprise down`: ends what an earlier `up` has left running.

use std::process::ExitCode;

use anyhow::Result;
use reprise_node::PodKey;

use crate::access::{self, Access};
use crate::cli::DownArgs;
use crate::failure::{self, BadInput};
use crate::settings::Settings;

/// Runs the verb. Goes on after a failure: the other Pods shall have ended all the same.
pub async fn run(args: &DownArgs, settings: &Settings) -> Result<ExitCode> {
    let (pods, by_agent) = access::look(settings).await?;
    let folder = settings.data_dir.display();
    if by_agent {
        let message = format!(
            "an agent runs on {folder}: end it first (Ctrl-C), or remove Pods from the API with kubectl delete"
        );
        return Err(BadInput::new(message).into());
    }
    let mut code = ExitCode::SUCCESS;
    if settings.data_dir.exists() {
        // Also without Pods, as a crash may have left something there.
        let mut access = Access::open(settings).await?;
        for pod in &pods {
            let key = PodKey::of(&pod.pod);
            match access.delete(&key, args.grace_period.map(i64::from), &settings.data_dir).await {
                Ok(()) => outln!("{key} ended"),
                Err(error) => code = failure::report(&error.context(format!("can't end the Pod {key}"))),
            }
        }
        access.close().await;
    }
    if pods.is_empty() {
        outln!("no Pod was running on {folder}");
    }
    if settings.data_dir.join("api").exists() {
        outln!("all objects of the API are kept: the next `reprise --data-dir {folder} up` starts its Pods again");
    }
    Ok(code)
}
