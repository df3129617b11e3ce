//! A fleet: its nodes, and what is done to them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::Client;
use reprise_cluster::{Connection, EventRate, Member, MemberOptions, join};
use reprise_cri::CriClient;
use reprise_node::{Node, NodeConfig, ProbeClient, Surroundings};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::census::Counts;
use crate::command::Command;
use crate::error::FleetError;
use crate::network;
use crate::runtime::{HollowRuntime, World};
use crate::times::Times;

/// How many nodes share a connection to the API. Each has about five watches open, and calls now and then; API servers allow 1,000
/// requests at once on a connection (`--http2-max-streams-per-connection`), ours more.
const NODES_PER_CONNECTION: usize = 100;
/// How many nodes start at once.
const STARTING: usize = 32;
/// Shared connections are asked whether they are alive; the kube client allows no longer watches.
const WATCH_SECONDS: u32 = 290;
/// A thousand nodes that all restart a Pod have ten thousand Events to tell: they do it by and by. In a large cluster a kubelet's
/// `eventRecordQPS` is set low, too.
const EVENTS: EventRate = EventRate { per_second: 0.1, burst: 1.0 };
/// There are no logs to rotate.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a fleet is to be.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// How many nodes.
    pub nodes: usize,
    /// Nodes are called so, with `-` and a number from 0.
    pub name: String,
    /// The nodes' records: a folder in memory (tmpfs), as nobody needs them after the fleet.
    pub folder: PathBuf,
    /// Who reaches the API and how: a user that may do what all these nodes do, such as an administrator.
    pub kubeconfig: PathBuf,
    /// How long things take.
    pub times: Times,
}

/// A fleet at work.
pub struct Fleet {
    name: String,
    world: Arc<World>,
    nodes: Vec<Arc<HollowNode>>,
    proxy: JoinHandle<()>,
}

struct HollowNode {
    name: String,
    runtime: HollowRuntime,
    /// None once the node is dead.
    alive: Mutex<Option<Alive>>,
}

struct Alive {
    node: Node,
    member: Member,
}

impl Fleet {
    /// Starts all nodes. They register by and by; [`Fleet::ready`] waits for that.
    ///
    /// # Errors
    /// If there is no way to the API, the folder can't be made, or a node can't start.
    pub async fn start(options: FleetOptions) -> Result<Self, FleetError> {
        std::fs::create_dir_all(&options.folder)
            .map_err(|source| FleetError::Folder { path: options.folder.clone(), source })?;
        let connections = options.nodes.div_ceil(NODES_PER_CONNECTION);
        let clients = Connection::shared_of_file(&options.kubeconfig, connections).await;
        let clients = clients.map_err(FleetError::Connection)?;
        let world = Arc::new(World::new(options.times));
        let (address, proxy) = network::serve(Arc::clone(&world.network)).await.map_err(FleetError::Network)?;
        let probes = ProbeClient::through_proxy(&format!("http://{address}")).map_err(FleetError::Probes)?;
        let starting = (0..options.nodes).map(|number| {
            let name = format!("{}-{number}", options.name);
            let client = clients[number / NODES_PER_CONNECTION].clone();
            start(name, &options.folder, Arc::clone(&world), client, probes.clone())
        });
        let started: Vec<_> = futures::stream::iter(starting).buffered(STARTING).collect().await;
        let nodes = started.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Self { name: options.name, world, nodes, proxy })
    }

    /// Waits until the API has all nodes, with statuses that say that they are ready.
    pub async fn ready(&self) {
        let mut counts = self.counts();
        // An error would mean that the fleet is no more, and it is borrowed here.
        drop(counts.wait_for(|counts| counts.nodes_ready == self.nodes.len()).await);
    }

    /// How the fleet stands, at any time.
    #[must_use]
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.world.census.watch()
    }

    /// Does what a fault script says.
    ///
    /// # Errors
    /// If there is no such node, or nothing runs there that could end.
    pub async fn carry_out(&self, command: &Command) -> Result<(), FleetError> {
        match command {
            Command::Exit { node, code, container } => {
                let node = self.find(node)?;
                if node.runtime.exit_worker(container.as_deref(), *code) {
                    return Ok(());
                }
                Err(FleetError::NoSuchContainer { node: node.name.clone(), container: container.clone() })
            }
            Command::Die { node } => {
                let node = self.find(node)?;
                let alive = node.alive().take();
                if let Some(Alive { node: agent, member }) = alive {
                    member.shutdown().await;
                    agent.abandon().await;
                    node.runtime.die();
                    self.world.census.change(|counts| counts.nodes_ready -= 1);
                }
                Ok(())
            }
        }
    }

    fn find(&self, name: &str) -> Result<&HollowNode, FleetError> {
        let by_number = name.parse::<usize>().ok().and_then(|number| self.nodes.get(number));
        let found = by_number.or_else(|| self.nodes.iter().find(|node| node.name == name));
        let found = found.filter(|node| node.alive().is_some());
        found.map(AsRef::as_ref).ok_or_else(|| FleetError::NoSuchNode {
            name: name.to_owned(),
            first: format!("{}-0", self.name),
            last: format!("{}-{}", self.name, self.nodes.len().saturating_sub(1)),
        })
    }

    /// Ends all nodes as if the machine were switched off. Their objects stay in the API.
    pub async fn stop(self) {
        for node in &self.nodes {
            let alive = node.alive().take();
            if let Some(Alive { node: agent, member }) = alive {
                member.shutdown().await;
                agent.abandon().await;
                node.runtime.die();
            }
        }
        self.proxy.abort();
    }
}

impl HollowNode {
    fn alive(&self) -> MutexGuard<'_, Option<Alive>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn start(
    name: String,
    folder: &Path,
    world: Arc<World>,
    client: Client,
    probes: ProbeClient,
) -> Result<Arc<HollowNode>, FleetError> {
    let runtime = HollowRuntime::new(Arc::clone(&world), Some(client.clone()));
    let surroundings = Surroundings { runtime: CriClient::in_process("in memory", runtime.clone()), probes };
    let mut config = NodeConfig {
        node_name: name.clone(),
        host_ip: Some("127.0.0.1".to_owned()),
        in_cluster: true,
        control: false,
        device_plugins: false,
        log_monitor_interval: NEVER,
        ..NodeConfig::new(folder.join(&name), "in memory")
    };
    // There are no images to remove, however full the disk is.
    config.images.high_percent = 100;
    let started = Node::start_in(surroundings, config).await;
    let (node, news) = started.map_err(|source| FleetError::Node { name: name.clone(), source })?;
    let labels = [("reprise.dev/hollow".to_owned(), "true".to_owned())].into();
    let options = MemberOptions { labels, watch_seconds: WATCH_SECONDS, events: EVENTS, ..MemberOptions::default() };
    let member = join(node.clone(), news, client, options).await;
    let hollow = Arc::new(HollowNode { name, runtime, alive: Mutex::new(Some(Alive { node, member })) });
    count_when_ready(Arc::clone(&hollow), world);
    Ok(hollow)
}

fn count_when_ready(hollow: Arc<HollowNode>, world: Arc<World>) {
    let ready = hollow.alive().as_ref().map(|alive| alive.member.watch_ready());
    let Some(mut ready) = ready else { return };
    tokio::spawn(async move {
        if ready.wait_for(|ready| *ready).await.is_ok() && hollow.alive().is_some() {
            world.census.change(|counts| counts.nodes_ready += 1);
        }
    });
}
