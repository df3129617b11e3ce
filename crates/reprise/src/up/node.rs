//! The node of `reprise up`: an agent in this process, which is a member of the cluster as any other node is.

use anyhow::{Context, Result};
use reprise_api::Api;
use reprise_api::security::certificates::Client as Who;
use reprise_cluster::{Member, MemberOptions, join};
use reprise_node::{HttpConfig, Node, PodKey};

use super::kubeconfig;
use crate::agent::Agent;
use crate::cli::UpArgs;
use crate::settings::Settings;

/// The node at work.
pub struct UpNode {
    name: String,
    agent: Agent,
    member: Member,
}

impl UpNode {
    /// Starts the agent, which goes on with the Pods of the data folder, and makes it a member.
    pub async fn start(api: &Api, args: &UpArgs, settings: &Settings) -> Result<Self> {
        let name = match &args.node_name {
            Some(name) => name.clone(),
            None => this_machine(),
        };
        let settings = settings.of_member(&name, http(api, args, settings, &name)?);
        let client = kubeconfig::client(api, &Who::Node(name.clone())).await?;
        let (agent, news) = Agent::start(&settings).await?;
        let member = join(agent.node.clone(), news, client, MemberOptions::default()).await;
        Ok(Self { name, agent, member })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the API has the node, and it is ready.
    pub async fn ready(&self) {
        self.member.ready().await;
    }

    /// The Pods that run and go on without the agent.
    pub fn running(&self) -> Vec<String> {
        running(&self.agent.node)
    }

    /// Ends the agent. Containers go on.
    pub async fn stop(self) {
        self.member.shutdown().await;
        self.agent.stop().await;
    }
}

fn running(node: &Node) -> Vec<String> {
    let pods = node.pods();
    let live = pods.iter().filter(|view| {
        let phase = view.status.phase.as_deref();
        !matches!(phase, Some("Succeeded" | "Failed"))
    });
    live.map(|view| PodKey::of(&view.pod).to_string()).collect()
}

/// This machine's name in the form that names of nodes have.
fn this_machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let name: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() { "reprise".to_owned() } else { name }
}

/// The node's own API: with a certificate that the API knows, for clients with one that the API's authority has signed.
fn http(api: &Api, args: &UpArgs, settings: &Settings, name: &str) -> Result<HttpConfig> {
    let folder = settings.data_dir.join("api").join("pki");
    let names = [args.kubelet_address.ip().to_string()];
    api.certificates().kubelet_serving(name, &names).context("the node's certificate")?;
    let pair = folder.join(format!("kubelet-{name}.pem"));
    let authority = folder.join("authority.pem");
    Ok(HttpConfig {
        address: args.kubelet_address,
        certificate: Some((pair.clone(), pair)),
        client_ca_file: Some(authority),
    })
}
