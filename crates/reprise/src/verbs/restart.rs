//! `reprise restart`: restarts a Pod in place on demand and says how long each part took.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use reprise_core::step::StepRecord;
use reprise_node::{PodKey, PodView};

use crate::access::{self, Access};
use crate::cli::{Output, RestartArgs};
use crate::failure::FAILED;
use crate::pod::PodReport;
use crate::pod::summary::{StepSummary, millis_text};
use crate::settings::Settings;

/// How often the Pod is looked at while it restarts. The reported times do not depend on it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs the verb.
pub async fn run(args: RestartArgs, settings: &Settings) -> Result<ExitCode> {
    let Ok(key) = args.pod.parse::<PodKey>();
    let (pods, _) = access::look(settings).await?;
    let before = PodReport::of(&access::find(pods, &key)?);
    if before.has_ended() || before.terminating {
        bail!("the Pod {key} has ended or is being deleted: only a Pod that runs can be restarted in place");
    }
    let mut access = Access::open(settings).await?;
    let restarted = restart(&mut access, &key, before.epoch).await;
    access.close().await;
    let (step, ready) = restarted?;
    print(args.output, &key, &step)?;
    if !ready {
        eprintln!("error: the Pod {key} did not become Ready again: see reprise ps and reprise logs --previous");
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// Asks for the restart and waits until the Pod is Ready again, or has ended.
async fn restart(access: &mut Access, key: &PodKey, epoch: u64) -> Result<(StepRecord, bool)> {
    access.restart(key, Timestamp::now()).await?;
    loop {
        let view = access::find(access.pods().await?, key)?;
        if let Some(done) = outcome(&view, epoch) {
            return Ok(done);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The first restart after `epoch` and whether it led to a Ready Pod, once that is known.
fn outcome(view: &PodView, epoch: u64) -> Option<(StepRecord, bool)> {
    let step = view.all_steps().into_iter().find(|step| step.epoch > epoch)?;
    let report = PodReport::of(view);
    // A next restart, or the Pod's end, is an answer too: this one did not get as far as Ready.
    let over = step.ready_at.is_some() || report.has_ended() || report.epoch > step.epoch;
    over.then(|| (step.clone(), step.ready_at.is_some()))
}

fn print(output: Output, key: &PodKey, step: &StepRecord) -> Result<()> {
    let summary = StepSummary::of(step);
    match output {
        Output::Json => outln!("{}", serde_json::to_string(&summary)?),
        Output::Text => outln!("{key} restarted in place, epoch {}: {}", step.epoch, millis_text(&summary.ms)),
    }
    Ok(())
}
