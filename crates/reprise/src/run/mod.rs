//! `reprise run`: Pods from manifests, run to their end or until Ctrl-C, with everything told that happens.

pub mod input;
pub mod json;
pub mod output;
pub mod session;
mod text;
mod timeline_text;
mod trigger_clock;
mod watched;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use reprise_core::objects::ApiObject;
use reprise_node::{Node, NodeError, NodePaths, PodKey};

use crate::agent::Agent;
use crate::cli::{Output, RunArgs};
use crate::failure::{BadInput, FAILED};
use crate::manifests;
use crate::pod::PodReport;
use crate::pod::summary::Summary;
use crate::settings::Settings;
use input::Input;
use output::Teller;
use session::{Options, Outcome, Session, say_kept};

/// Runs the verb.
pub async fn run(args: RunArgs, settings: &Settings) -> Result<ExitCode> {
    let settings = &settings.with_static_pods(args.static_pod_path.as_deref(), args.static_pod_url)?;
    let serves = settings.static_pods.is_some();
    let Input { pods, objects, warnings } = read(&args.manifests, settings)?;
    warnings.iter().for_each(|warning| eprintln!("Warning: {warning}"));
    let settings = &settings.with_http(args.kubelet_address, args.client_ca_file)?;
    let (agent, news) = Agent::start(settings).await?;
    say_where_the_api_is(&agent.node);
    let options = Options { keep: args.keep, events: args.events, limit: None, serves };
    let session = async {
        let mut session = Session::new(&agent.node, news, Teller::new(args.output), options)?;
        add_pods(&agent.node, &mut session, pods, objects).await?;
        session.watch_static_pods()?;
        session.finish().await
    };
    let outcome = session.await;
    agent.stop().await;
    let outcome = outcome?;
    if args.keep {
        say_kept(&settings.data_dir, &outcome.pods);
    }
    print_summary(args.output, &Summary::of(&outcome.pods))?;
    Ok(exit_code(&outcome, args.keep || serves))
}

/// What the manifests hold. There need not be any where static Pods are from elsewhere.
fn read(manifests: &[PathBuf], settings: &Settings) -> Result<Input, BadInput> {
    match (manifests.is_empty(), &settings.static_pods) {
        (false, _) => input::admit_all(&manifests::read(manifests)?, settings.gates),
        (true, Some(_)) => Ok(Input::default()),
        (true, None) => Err(BadInput::new("nothing to run: give manifests, --static-pod-path or --static-pod-url")),
    }
}

fn say_where_the_api_is(node: &Node) {
    if let Some(address) = node.http_address() {
        let token = NodePaths::new(&node.config().data_dir).http_token();
        eprintln!("kubelet API: https://{address}, token in {}", token.display());
    }
}

/// Takes all Pods and objects on, or none: what is in the way of one of them is found before the first one starts.
pub async fn add_pods(node: &Node, session: &mut Session<'_>, pods: Vec<Pod>, objects: Vec<ApiObject>) -> Result<()> {
    let refused = pods.iter().filter_map(|pod| node.check(pod).err()).chain(node.check_objects(&objects));
    let refused: Vec<String> = refused.map(|error| error.to_string()).collect();
    if !refused.is_empty() {
        return Err(BadInput::all(refused).into());
    }
    node.apply_objects(objects).await.context("can't take in what the Pods refer to")?;
    for pod in pods {
        let key = PodKey::of(&pod);
        let applied = node.apply(pod).await.with_context(|| format!("can't run the Pod {key}"))?;
        if applied.adopted {
            eprintln!("{key} is already here: going on with it");
        }
        let view = node.pod(&key).ok_or(NodeError::NoSuchPod { key })?;
        session.watch(&view, applied.adopted)?;
    }
    Ok(())
}

fn print_summary(output: Output, summary: &Summary) -> Result<()> {
    match output {
        Output::Json => json::print(summary),
        Output::Text => {
            outln!("\n{}", summary.text().trim_end());
            Ok(())
        }
    }
}

/// 0 if all Pods succeeded, 1 if one did not, also when Ctrl-C ended them; whoever interrupts a run that is to be kept, or
/// that has no end of its own, has got what was asked for.
fn exit_code(outcome: &Outcome, keep: bool) -> ExitCode {
    let succeeded = |pod: &PodReport| pod.phase == "Succeeded";
    let kept = outcome.interrupted && keep;
    if kept || outcome.pods.iter().all(succeeded) { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
