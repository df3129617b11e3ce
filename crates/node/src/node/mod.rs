//! The node agent: holds the data folder, runs a worker for each Pod, takes requests.

mod admit;
mod api_pods;
mod devices;
mod inside;
mod objects;
mod report;
mod serving;
mod stream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use reprise_core::node_admission::NodeRules;
use reprise_cri::CriClient;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::agent_lock::AgentLock;
use crate::api_service::KnownApiService;
use crate::capacity;
use crate::care;
use crate::config::NodeConfig;
use crate::container::resource_ref::Machine;
use crate::control::server;
use crate::error::NodeError;
use crate::http::AccessReview;
use crate::metrics::Metrics;
use crate::observer::{self, Directory, Pace};
use crate::paths::NodePaths;
use crate::pod_cgroups::PodCgroups;
use crate::pod_key::{PodKey, uid_of};
use crate::publisher::{NodeEvent, Publisher};
use crate::record::{node_id, pod_file};
use crate::runtime_calls::{CgroupDriver, Runtime};
use crate::static_pods;
use crate::surroundings::Surroundings;
use crate::view::PodView;
use crate::volumes::teardown;
use crate::worker::mail::{Mail, Reply};
use crate::worker::{Shared, Worker, WorkerHandle};

pub use admit::Applied;
use objects::objects_for;
pub use report::{HandlerReport, Pressure, Report, RuntimeReport};
pub use stream::WantedStreams;

/// The pause between attempts to reach the runtime when the node starts.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// A running node agent. Clones are the same agent.
#[derive(Debug, Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

/// The one agent behind all clones of a [`Node`].
#[derive(Debug)]
pub(crate) struct Inner {
    shared: Arc<Shared>,
    directory: Directory,
    workers: Mutex<BTreeMap<PodKey, WorkerHandle>>,
    /// One Pod is taken on at a time, so that two of one name can't both find it free.
    applying: tokio::sync::Mutex<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// The tasks that bring static Pods.
    sources: Mutex<Vec<JoinHandle<()>>>,
    /// The workers' tasks.
    employed: Mutex<Vec<JoinHandle<()>>>,
    /// Where the HTTP API is served.
    http_address: OnceLock<SocketAddr>,
    /// Who is asked about clients of the HTTP API.
    review: OnceLock<Arc<dyn AccessReview>>,
    _lock: Option<AgentLock>,
}

impl Node {
    /// Takes the data folder, waits for the runtime and goes on with the Pods that the folder has.
    ///
    /// # Errors
    /// If another agent has the folder, a record in it can't be read, or the runtime does not answer in time.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        Self::start_subscribed(config).await.map(|(node, _)| node)
    }

    /// The same, with all that happens from the first moment on: what the node makes good after a crash is over
    /// before somebody could [subscribe](Self::subscribe).
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_subscribed(config: NodeConfig) -> Result<(Self, mpsc::UnboundedReceiver<NodeEvent>), NodeError> {
        let surroundings = Surroundings::of_machine(&config.cri_socket)?;
        Self::start_in(surroundings, config).await
    }

    /// The same with other ways to the runtime and to Pods; `cri_socket` is then only a name.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_in(
        surroundings: Surroundings,
        mut config: NodeConfig,
    ) -> Result<(Self, mpsc::UnboundedReceiver<NodeEvent>), NodeError> {
        let lock = take_folder(&config)?;
        // Paths below it are given to the runtime, which has a working directory of its own.
        let absolute = config.data_dir.canonicalize();
        config.data_dir = absolute.map_err(NodeError::file("find", &config.data_dir))?;
        let paths = NodePaths::new(&config.data_dir);
        let (pods, orphans) = pod_file::read_all(&paths)?;
        let objects = objects_for(&config, &paths, &pods)?;
        let api_service = KnownApiService::open(&paths, config.in_cluster)?;
        orphans.iter().for_each(|folder| remove_orphan(folder));
        let metrics = Arc::new(Metrics::default());
        let devices = devices::restored(&config, &paths, &pods, &metrics)?;
        let runtime = connect(surroundings.runtime, &mut config, &metrics).await?;
        let (publisher, files) = Publisher::start(Arc::clone(&metrics));
        let events = publisher.subscribe();
        let node_id = node_id::read(&paths)?;
        let machine = Machine::of_this_host();
        let capacity = capacity::of(&machine, &config.data_dir, config.max_pods);
        let cgroups = PodCgroups::new(&config, &capacity, &pods);
        let rules = NodeRules {
            allocatable: config.reservations.allocatable(&capacity),
            allowed_unsafe_sysctls: config.allowed_unsafe_sysctls.clone(),
        };
        let (started_at, pace) = (Timestamp::now(), Pace::new());
        let shared = Arc::new(Shared {
            config,
            node_id,
            paths,
            runtime,
            publisher,
            machine,
            offered: Machine::of_allocatable(&rules.allocatable),
            rules,
            capacity,
            runtime_classes: Mutex::default(),
            api_service,
            cgroups,
            objects,
            devices,
            probes: surroundings.probes,
            metrics,
            started_at,
            pace,
        });
        let node = Self {
            inner: Arc::new(Inner {
                shared: Arc::clone(&shared),
                directory: Directory::default(),
                workers: Mutex::default(),
                applying: tokio::sync::Mutex::default(),
                tasks: Mutex::new(vec![files]),
                sources: Mutex::default(),
                employed: Mutex::default(),
                http_address: OnceLock::new(),
                review: OnceLock::new(),
                _lock: lock,
            }),
        };
        if shared.config.device_plugins {
            let registering = crate::devices::listen(&shared.devices).await?;
            node.inner.tasks().push(registering);
        }
        for pod in pods {
            node.employ(pod, false)?;
        }
        if shared.config.control {
            let control = server::listen(&shared.paths.control_socket(), Arc::downgrade(&node.inner))?;
            node.inner.tasks().push(control);
        }
        node.serve_http().await?;
        let observing = tokio::spawn(observer::run(shared, node.inner.directory.clone()));
        node.inner.tasks().push(observing);
        node.inner.tasks().extend(care::start(&node));
        node.inner.sources().extend(static_pods::start(&node));
        Ok((node, events))
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Deletes a Pod within `grace`; none is the time that its spec gives. Answered when the request is durable;
    /// the Pod is gone when its `Status` with stage `Gone` comes. Asking again can shorten the time that is left. A Pod from an
    /// API is not held until the API knows: who asks here wants it to be gone.
    ///
    /// # Errors
    /// If there is no such Pod or the request can't be written.
    pub async fn delete(&self, key: &PodKey, grace: Option<SignedDuration>) -> Result<(), NodeError> {
        if let Some(view) = self.pod(key) {
            self.release(uid_of(&view.pod));
        }
        self.ask(key, |reply| Mail::Delete { grace, reply }).await
    }

    /// Sets an annotation, such as `reprise.dev/restart-at`.
    ///
    /// # Errors
    /// If there is no such Pod or the request can't be written.
    pub async fn annotate(&self, key: &PodKey, name: &str, value: &str) -> Result<(), NodeError> {
        self.ask(key, |reply| Mail::Annotate { name: name.to_owned(), value: value.to_owned(), reply }).await
    }

    /// Adds ephemeral containers to a running Pod, with their defaults. One that the Pod has already changes nothing, so
    /// all that a Pod is to have can be given (as the API's `pods/ephemeralcontainers` does). Durable when answered; that
    /// they run, or why not, is in the Pod's status.
    ///
    /// # Errors
    /// If there is no such Pod, it has ended or is being deleted, the API server would refuse them (also for changing one
    /// that is there), this node can't do what they ask for, or the request can't be written.
    pub async fn add_ephemeral(&self, key: &PodKey, containers: Vec<EphemeralContainer>) -> Result<(), NodeError> {
        self.ask(key, |reply| Mail::AddEphemeral { containers, reply }).await
    }

    /// All Pods, by namespace and name.
    #[must_use]
    pub fn pods(&self) -> Vec<PodView> {
        self.inner.workers().values().map(WorkerHandle::view).collect()
    }

    /// One Pod.
    #[must_use]
    pub fn pod(&self, key: &PodKey) -> Option<PodView> {
        self.inner.workers().get(key).map(WorkerHandle::view)
    }

    /// All that happens from now on. Nothing is merged or dropped; a receiver that is not read grows.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<NodeEvent> {
        self.inner.shared.publisher.subscribe()
    }

    /// Waits until the Pod is gone from the node; returns at once if it is not there.
    pub async fn gone(&self, key: &PodKey) {
        self.has_gone(key).await;
    }

    /// The same for a task that must not keep the node.
    pub(crate) fn has_gone(&self, key: &PodKey) -> impl Future<Output = ()> + use<> {
        let ended = self.inner.workers().get(key).map(|w| w.ended.clone());
        async move {
            if let Some(mut ended) = ended {
                // An error means that the worker is no more, which is as good.
                drop(ended.wait_for(|e| *e).await);
            }
        }
    }

    /// Follows the sources of static Pods no more: those Pods that there are when this returns stay until they are deleted.
    pub async fn leave_static_pods(&self) {
        let sources: Vec<JoinHandle<()>> = self.inner.sources().drain(..).collect();
        for source in sources {
            source.abort();
            // It was cut off, or had ended before.
            drop(source.await);
        }
    }

    /// The node's settings.
    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.inner.shared.config
    }

    /// Ends the agent. Containers go on; the next agent on this data folder finds them.
    pub async fn shutdown(&self) {
        self.leave_static_pods().await;
        let handles: Vec<WorkerHandle> = self.inner.workers().values().cloned().collect();
        for handle in &handles {
            // One that has ended needs no telling.
            drop(handle.mailbox.send(Mail::Stop));
        }
        for mut handle in handles {
            drop(handle.ended.wait_for(|e| *e).await);
        }
        self.inner.shared.publisher.settle().await;
        self.inner.stop_tasks();
        self.forget_objects();
        for socket in [self.inner.shared.paths.control_socket(), self.inner.shared.devices.socket()] {
            if let Err(error) = std::fs::remove_file(&socket) {
                tracing::debug!(%error, socket = %socket.display(), "the socket is gone already");
            }
        }
    }

    /// Ends the agent as if it had been killed: nothing is finished or written, containers go on.
    pub async fn abandon(&self) {
        let workers: Vec<JoinHandle<()>> = self.inner.employed().drain(..).collect();
        for worker in workers {
            worker.abort();
            // It was cut off, or had ended before.
            drop(worker.await);
        }
        self.inner.stop_tasks();
    }

    /// Starts a worker for `pod`.
    pub(crate) fn employ(&self, pod: Pod, new: bool) -> Result<(), NodeError> {
        let key = PodKey::of(&pod);
        let (worker, handle) = Worker::load(Arc::clone(&self.inner.shared), pod, new)?;
        let uid = handle.uid.clone();
        self.inner.directory.add(&uid, handle.mailbox.clone());
        self.inner.workers().insert(key.clone(), handle);
        let inner = Arc::downgrade(&self.inner);
        let employed = tokio::spawn(async move {
            let finished = worker.run().await;
            if let (Some(inner), Some(last_word)) = (inner.upgrade(), finished.last_word) {
                inner.dismiss(&key, &uid);
                inner.shared.publisher.tell(&last_word);
            }
            finished.ended.send_replace(true);
        });
        let mut all = self.inner.employed();
        all.retain(|worker| !worker.is_finished());
        all.push(employed);
        Ok(())
    }

    pub(crate) async fn ask(&self, key: &PodKey, mail: impl FnOnce(Reply) -> Mail) -> Result<(), NodeError> {
        let mailbox = self.inner.workers().get(key).map(|w| w.mailbox.clone());
        let mailbox = mailbox.ok_or_else(|| NodeError::NoSuchPod { key: key.clone() })?;
        let (reply, answer) = oneshot::channel();
        mailbox.send(mail(reply)).map_err(|_| NodeError::NoSuchPod { key: key.clone() })?;
        answer.await.map_err(|_| NodeError::ShuttingDown)?
    }
}

impl Inner {
    fn workers(&self) -> MutexGuard<'_, BTreeMap<PodKey, WorkerHandle>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn employed(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.employed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dismiss(&self, key: &PodKey, uid: &str) {
        self.directory.remove(uid);
        let mut workers = self.workers();
        if workers.get(key).is_some_and(|w| w.uid == uid) {
            workers.remove(key);
        }
    }

    fn stop_tasks(&self) {
        self.sources().drain(..).for_each(|task| task.abort());
        self.tasks().drain(..).for_each(|task| task.abort());
        self.shared.devices.stop();
    }
}

impl Drop for Inner {
    /// An agent that is dropped without a shutdown ends as if it had been killed: containers go on.
    fn drop(&mut self) {
        self.employed().drain(..).for_each(|worker| worker.abort());
        self.stop_tasks();
    }
}

/// What is left of a Pod whose removal was cut short. It is in nobody's way if it stays.
fn remove_orphan(folder: &Path) {
    if let Err(error) = teardown::remove(folder) {
        tracing::warn!(error = %crate::error::chain(&error), "the rest of a removed pod stays");
    }
}

/// Makes the folder, and holds it if others could want it.
fn take_folder(config: &NodeConfig) -> Result<Option<AgentLock>, NodeError> {
    if config.control {
        return AgentLock::take(&config.data_dir).map(Some);
    }
    std::fs::create_dir_all(&config.data_dir).map_err(NodeError::file("create", &config.data_dir))?;
    Ok(None)
}

async fn connect(client: CriClient, config: &mut NodeConfig, metrics: &Arc<Metrics>) -> Result<Runtime, NodeError> {
    let socket = config.cri_socket.clone();
    let unreachable = |error| NodeError::Runtime { socket: socket.clone(), source: Box::new(error) };
    let runtime = Runtime::new(client, config.request_timeout, metrics.clone());
    let (limit, mut told) = (Instant::now() + config.runtime_wait, false);
    loop {
        let asked = match runtime.version().await {
            Ok(()) if config.foreign_runtime => runtime.cgroup_driver().await.map(|driver| take(config, driver)),
            answer => answer,
        };
        match asked {
            Ok(()) => return Ok(runtime),
            Err(error) if error.is_unimplemented() => {
                return Err(NodeError::NotCri { socket, source: Box::new(error) });
            }
            Err(error) if Instant::now() >= limit => return Err(unreachable(error)),
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(socket = %socket.display(), error = %crate::error::chain(&error), "waiting for the container runtime");
                }
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
        }
    }
}

/// With systemd cgroups are slices, which only it may make: they are then left to the runtime.
fn take(config: &mut NodeConfig, driver: CgroupDriver) {
    if driver == CgroupDriver::Systemd && config.cgroup_root.take().is_some() {
        tracing::warn!(
            "the runtime's cgroup driver is systemd: containers have their limits, Pods as a whole have none"
        );
    }
}
