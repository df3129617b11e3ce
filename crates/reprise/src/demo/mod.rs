//! `reprise demo`: the announcement's manifest as published, offline, from nothing but this program.

pub mod image;
mod manifest;
mod report;
pub mod training;
mod witness;
pub mod workload;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use reprise_node::{NodeEvent, NodePaths};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::agent::Agent;
use crate::cli::{NodeArgs, Output, OutputArgs};
use crate::failure::{FAILED, INTERRUPTED};
use crate::pod::summary::Summary;
use crate::run::output::Teller;
use crate::run::session::{Options, Outcome, Session};
use crate::run::{add_pods, json};
use crate::settings::Settings;
use report::DemoSummary;
use witness::Witness;

/// Addresses that are tried one after the other where none are asked for.
const SUBNETS: [&str; 6] =
    ["10.85.0.0/24", "10.185.85.0/24", "172.29.85.0/24", "192.168.185.0/24", "10.219.85.0/24", "198.18.85.0/24"];

/// Several times what the demo takes. A machine that can't run it is told about before, in the timeline.
const LIMIT: Duration = Duration::from_secs(60);

type News = UnboundedReceiver<NodeEvent>;

/// Runs the verb.
pub async fn run(args: &OutputArgs, node: &NodeArgs) -> Result<ExitCode> {
    // Dropped last, when nothing uses the folder any more.
    let (settings, _folder) = settings(node)?;
    settings.require_embedded("reprise demo", "its image is made of this program, for the runtime in it")?;
    let (pod, warnings) = manifest::pod(settings.gates)?;
    warnings.iter().for_each(|warning| eprintln!("Warning: {warning}"));
    eprintln!("note: the manifest has no volume; an emptyDir at {} is added for the checkpoint", workload::SHARED);
    let store = settings.image_store();
    tokio::task::spawn_blocking(move || image::build(&store)).await.context("making the image was cut short")??;
    let (agent, news) = start(node, settings).await?;
    let volume = NodePaths::new(&agent.node.config().data_dir).pod(&pod).empty_dir(manifest::VOLUME);
    let witness = Arc::new(Mutex::new(Witness::new(volume)));
    let outcome = watch(&agent, news, pod, args.output, &witness).await;
    agent.stop().await;
    let outcome = outcome?;
    let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
    tell(args.output, &outcome, &mut witness)
}

fn settings(node: &NodeArgs) -> Result<(Settings, Option<TempDir>)> {
    if node.data_dir.is_some() {
        return Ok((Settings::of(node)?, None));
    }
    let folder =
        tempfile::Builder::new().prefix("reprise-demo-").tempdir().context("can't make a folder for the demo")?;
    let node = NodeArgs { data_dir: Some(folder.path().to_owned()), ..node.clone() };
    Ok((Settings::of(&node)?, Some(folder)))
}

/// Starts the agent; where no addresses were asked for, others are tried if the first are in use.
async fn start(node: &NodeArgs, settings: Settings) -> Result<(Agent, News)> {
    if node.subnet.is_some() || node.data_dir.is_some() {
        return Agent::start(&settings).await;
    }
    let mut refused = None;
    for subnet in SUBNETS {
        let settings = Settings { subnet: subnet.parse()?, ..settings.clone() };
        match Agent::start(&settings).await {
            Err(error) if Agent::is_address_conflict(&error) => refused = Some(error),
            started => return started,
        }
    }
    match refused {
        Some(error) => Err(error),
        None => Agent::start(&settings).await,
    }
}

async fn watch(agent: &Agent, news: News, pod: Pod, output: Output, witness: &Arc<Mutex<Witness>>) -> Result<Outcome> {
    let options = Options { keep: false, events: false, limit: Some(LIMIT), serves: false };
    let mut session = Session::new(&agent.node, news, Teller::new(output), options)?;
    let seen_by = Arc::clone(witness);
    session.witness(move |pod, entry| seen_by.lock().unwrap_or_else(PoisonError::into_inner).see(pod, entry));
    add_pods(&agent.node, &mut session, vec![pod], Vec::new()).await?;
    session.finish().await
}

fn tell(output: Output, outcome: &Outcome, witness: &mut Witness) -> Result<ExitCode> {
    let findings = witness.findings()?;
    let summary = Summary::of(&outcome.pods);
    let restarted = outcome.pods.iter().all(|pod| pod.phase == "Succeeded" && pod.epoch == 1 && pod.steps.len() == 1);
    let well = restarted && findings.all_well();
    match output {
        Output::Json => json::print(&DemoSummary { summary, demo: findings })?,
        Output::Text => outcome.pods.iter().for_each(|pod| out!("{}", report::text(pod, witness, &findings))),
    }
    Ok(match (well, outcome.interrupted) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::from(INTERRUPTED),
        (false, false) => ExitCode::from(FAILED),
    })
}
