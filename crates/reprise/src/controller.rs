//! `reprise controller`: runs JobSets in a cluster, as one of several that may be started; prints their definition.

use std::process::ExitCode;

use anyhow::{Context, Result};
use kube::Client;
use kube::api::{Api, ListParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use reprise_cluster::Connection;
use reprise_controllers::{Candidate, JobSetMetrics, start_job_sets};
use reprise_node::chain;

use crate::cli::{ControllerArgs, ControllerCommand};
use crate::failure::BadInput;
use crate::interrupt::Interrupts;

mod metrics;

/// The Lease by which one of several works.
const LEASE: &str = "reprise-jobset-controller";

/// Runs the verb.
pub async fn run(args: ControllerArgs) -> Result<ExitCode> {
    if let Some(ControllerCommand::Crd) = args.command {
        outln!("{:#}", reprise_jobset::crd());
        return Ok(ExitCode::SUCCESS);
    }
    let kubeconfig = args.kubeconfig.context("--kubeconfig is needed")?;
    let connection = Connection::of_file(&kubeconfig).await;
    let connection = connection.map_err(|error| BadInput::new(format!("--kubeconfig: {}", chain(&error))))?;
    let mut interrupts = Interrupts::listen()?;
    let counts = JobSetMetrics::default();
    if let Some(address) = args.metrics_address {
        let address = metrics::serve(address, counts.clone()).await?;
        eprintln!("metrics at http://{address}/metrics");
    }
    look_for_job_sets(&connection).await?;
    let mut candidate = Candidate::new(connection.client.clone(), &args.lease_namespace, LEASE, &identity());
    loop {
        tokio::select! {
            () = candidate.win() => {}
            () = interrupts.next() => break,
        }
        eprintln!("running the JobSets of {}", connection.server);
        let controllers = start_job_sets(&connection.client, counts.clone());
        let is_lost = tokio::select! {
            () = candidate.hold() => true,
            () = interrupts.next() => false,
        };
        controllers.shutdown().await;
        if !is_lost {
            candidate.resign().await;
            break;
        }
        eprintln!("another controller may run them now; waiting until it does not");
    }
    Ok(ExitCode::SUCCESS)
}

/// A cluster without the kind would be watched in vain. One that does not answer is waited for.
async fn look_for_job_sets(connection: &Connection) -> Result<()> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("jobset.x-k8s.io", "v1alpha2", "JobSet"));
    let sets: Api<DynamicObject> = Api::all_with(Client::clone(&connection.client), &kind);
    match sets.list(&ListParams::default().limit(1)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let hint = "apply what `reprise controller crd` prints first";
            Err(BadInput::new(format!("{} has no JobSets: {hint}", connection.server)).into())
        }
        _ => Ok(()),
    }
}

/// Nobody else's.
fn identity() -> String {
    format!("{}_{}", rustix::system::uname().nodename().to_string_lossy(), uuid::Uuid::new_v4())
}
