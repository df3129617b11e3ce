//! `reprise up`: a Kubernetes API on this machine, with what a cluster has around it, and the node that runs its Pods.
//!
//! ```text
//! Api --TLS--> controllers                 each with a client and a certificate of its own,
//!     --TLS--> node, as system:node:NAME    as if they were other processes
//!     --TLS--> names (DNS for Pods)
//!     --TLS--> kubectl, client libraries
//! ```

mod applied;
pub mod down;
pub mod kubeconfig;
mod names;
mod node;
pub mod open_files;

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use reprise_api::security::certificates::Client as Who;
use reprise_api::{Api, ApiConfig, KUBERNETES_VERSION};

use self::applied::Applied;
use self::names::UpNames;
use self::node::UpNode;
use crate::cli::UpArgs;
use crate::interrupt::Interrupts;
use crate::settings::Settings;

/// Runs the verb.
pub async fn run(args: UpArgs, settings: &Settings) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut interrupts = Interrupts::listen()?;
    if args.no_node {
        open_files::allow_all();
    }
    let config = ApiConfig {
        data_dir: settings.data_dir.join("api"),
        listen: args.listen,
        names: args.name.clone(),
        for_pods: for_pods(&args, settings),
        gates: settings.gates,
        allow_privileged: !args.no_privileged,
        audit_log: args.audit_log.clone(),
    };
    let api = Api::start(config).await.context("the API can't start")?;
    let kubeconfig = kubeconfig::write(&api, settings)?;
    let ready = begun.elapsed();
    outln!("Kubernetes API {KUBERNETES_VERSION} at {}, ready in {} ms", api.url(), ready.as_millis());
    outln!("export KUBECONFIG={}", kubeconfig.display());
    let outcome = serve(&api, &args, settings, &mut interrupts).await;
    api.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Where Pods reach the API: where it listens, if others than this machine do; else at the gateway of the node's own Pods. An API
/// that listens everywhere, without a node, is at the first address that it is said to have.
fn for_pods(args: &UpArgs, settings: &Settings) -> Option<IpAddr> {
    let listen = args.listen.ip();
    if !listen.is_loopback() && !listen.is_unspecified() {
        return Some(listen);
    }
    if !args.no_node && settings.runtime.is_embedded() {
        return Some(settings.subnet.gateway().into());
    }
    let mut named = args.name.iter().filter_map(|name| name.parse::<IpAddr>().ok());
    named.find(|ip| listen.is_unspecified() && !ip.is_loopback())
}

/// Everything around the API, until a signal.
async fn serve(api: &Api, args: &UpArgs, settings: &Settings, interrupts: &mut Interrupts) -> Result<()> {
    let options = reprise_controllers::Options::new(api.certificates().authority_pem());
    let metrics = options.metrics.clone();
    api.add_metrics(move || metrics.text());
    let client = kubeconfig::client(api, &Who::Controllers).await?;
    let controllers = reprise_controllers::start(client, options).await;
    let outcome = match follow_manifests(api, args).await {
        Ok(_applied) => serve_pods(api, args, settings, interrupts).await,
        Err(error) => Err(error),
    };
    controllers.shutdown().await;
    outcome
}

/// Applies the manifests of a folder, if one is given.
async fn follow_manifests(api: &Api, args: &UpArgs) -> Result<Option<Applied>> {
    let Some(folder) = &args.manifests else { return Ok(None) };
    Ok(Some(Applied::follow(kubeconfig::client(api, &Who::Admin).await?, folder)?))
}

/// The node with names for its Pods.
async fn serve_pods(api: &Api, args: &UpArgs, settings: &Settings, interrupts: &mut Interrupts) -> Result<()> {
    let names = UpNames::start(api, args, settings).await?;
    let settings = settings.with_cluster_dns(names.for_pods());
    let started = if args.no_node { Ok(None) } else { UpNode::start(api, args, &settings).await.map(Some) };
    let outcome = match started {
        Ok(node) => run_until_signal(node, &settings, interrupts).await,
        Err(error) => Err(error),
    };
    names.stop().await;
    outcome
}

async fn run_until_signal(node: Option<UpNode>, settings: &Settings, interrupts: &mut Interrupts) -> Result<()> {
    let Some(node) = node else {
        interrupts.next().await;
        return Ok(());
    };
    tokio::select! {
        () = node.ready() => {
            outln!("node {} is ready", node.name());
            interrupts.next().await;
        }
        () = interrupts.next() => {}
    }
    let left = node.running();
    node.stop().await;
    say_what_goes_on(&left, settings);
    Ok(())
}

/// What a user must know who thinks that everything has ended.
fn say_what_goes_on(running: &[String], settings: &Settings) {
    let reprise = format!("reprise --data-dir {}", settings.data_dir.display());
    if running.is_empty() {
        eprintln!("no Pod goes on; all objects are kept: {reprise} up");
        return;
    }
    eprintln!("left running: {}", running.join(", "));
    eprintln!("take them up again with:  {reprise} up");
    eprintln!("end them with:            {reprise} down");
}
