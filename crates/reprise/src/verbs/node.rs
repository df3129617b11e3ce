//! `reprise node`: the node as a member of a Kubernetes cluster, until somebody interrupts. Its Pods go on then.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use reprise_cluster::{Connection, Member, MemberOptions, join};
use reprise_core::plan::Stage;
use reprise_node::chain;

use crate::agent::Agent;
use crate::cli::MemberArgs;
use crate::failure::BadInput;
use crate::interrupt::Interrupts;
use crate::settings::{Membership, Settings};

/// The kubelet's port.
const KUBELET_PORT: u16 = 10250;
/// The longest name of a node.
const NAME_MAX: usize = 253;

/// Runs the verb.
pub async fn run(args: MemberArgs, settings: &Settings) -> Result<ExitCode> {
    let connection = Connection::of_file(&args.kubeconfig).await;
    let connection = connection.map_err(|error| BadInput::new(format!("--kubeconfig: {}", chain(&error))))?;
    let settings = member_settings(&args, settings, &connection)?;
    let mut interrupts = Interrupts::listen()?;
    let (agent, news) = Agent::start(&settings).await?;
    let options = MemberOptions { labels: args.node_labels.into_iter().collect(), ..MemberOptions::default() };
    let member = join(agent.node.clone(), news, connection.client, options).await;
    eprintln!("{} joins the cluster at {}", agent.node.config().node_name, connection.server);
    until_interrupted(&member, &agent, &mut interrupts).await;
    member.shutdown().await;
    let left = agent.node.pods().iter().filter(|view| view.stage == Stage::Live).count();
    agent.stop().await;
    let folder = settings.data_dir.display();
    eprintln!("left running: {left} Pods; the next `reprise node` on {folder} goes on with them");
    Ok(ExitCode::SUCCESS)
}

async fn until_interrupted(member: &Member, agent: &Agent, interrupts: &mut Interrupts) {
    let mut is_ready = false;
    loop {
        // Both can be asked again.
        tokio::select! {
            () = member.ready(), if !is_ready => {
                is_ready = true;
                eprintln!("{} is ready", agent.node.config().node_name);
            }
            () = interrupts.next() => return,
        }
    }
}

fn member_settings(args: &MemberArgs, settings: &Settings, connection: &Connection) -> Result<Settings> {
    let name = node_name(args.node_name.as_deref())?;
    let asked = args.kubelet_address.or_else(|| settings.kubelet.http(None).map(|http| http.address));
    let served_at = asked.map(|address| address.ip()).filter(|ip| !ip.is_unspecified());
    let ip = args.node_ip.or(served_at).or_else(|| connection.local_address());
    let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let address = asked.unwrap_or(SocketAddr::new(ip, KUBELET_PORT));
    let authority = match (&args.client_ca_file, &settings.kubelet.client_ca_file) {
        (Some(file), _) | (None, Some(file)) => Some(file.clone()),
        (None, None) => authority_file(settings, connection)?,
    };
    let settings = settings.with_static_pods(args.static_pod_path.as_deref(), None)?;
    let settings = settings.with_http(Some(address), authority)?;
    let settings = settings.with_cluster_dns(args.cluster_dns.iter().copied());
    Ok(settings.with_membership(Membership { name, ip }))
}

/// The cluster's own authority, laid where the node's API reads it.
fn authority_file(settings: &Settings, connection: &Connection) -> Result<Option<PathBuf>> {
    let Some(pem) = &connection.authority_pem else { return Ok(None) };
    let folder = settings.data_dir.join("kubelet");
    let path = folder.join("client-ca.crt");
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, pem));
    written.with_context(|| format!("can't write {}", path.display()))?;
    Ok(Some(path))
}

fn node_name(given: Option<&str>) -> Result<String> {
    let of_machine = || rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let name = given.map_or_else(of_machine, str::to_owned);
    let is_word = |word: &str| {
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends_well = [word.bytes().next(), word.bytes().last()].into_iter().all(|b| b.is_some_and(is_letter));
        ends_well && word.bytes().all(|b| is_letter(b) || b == b'-')
    };
    if name.len() <= NAME_MAX && name.split('.').all(is_word) {
        return Ok(name);
    }
    let message =
        format!("--node-name {name}: lower case letters, digits, - and . are needed, as in node-1.example.org");
    Err(BadInput::new(message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_name_is_one_that_a_cluster_takes() {
        for name in ["n", "node-1", "node-1.example.org"] {
            assert_eq!(node_name(Some(name)).unwrap(), name);
        }
        for name in ["", "Node", "-n", "n-", "a..b", "a_b", &"a".repeat(254)] {
            assert!(node_name(Some(name)).is_err(), "{name}");
        }
        assert!(node_name(None).is_ok());
    }
}
