//! A container runtime in memory, served over a real socket: what the agent asks for is written down, and tests say
//! what containers do.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reprise_cri::v1::image_service_server::ImageServiceServer;
use reprise_cri::v1::runtime_service_server::RuntimeServiceServer;
use reprise_cri::v1::*;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::Status;
use tonic::transport::Server;

/// Nothing in these tests takes longer.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct State {
    pub sandboxes: BTreeMap<String, PodSandboxStatus>,
    pub containers: BTreeMap<String, (String, ContainerStatus)>,
    /// `Call object`, in the order in which they arrived.
    pub calls: Vec<String>,
    /// Images that are there.
    pub images: HashSet<String>,
    /// What a container does when it is started: exit with this code, or run.
    pub exits: HashMap<String, i32>,
    /// How commands in containers end, by the command or by container and command (`main@0 true`).
    pub commands: HashMap<String, i32>,
    /// Calls that fail, each as often as it is in here.
    pub failures: Vec<(String, Status)>,
    /// Calls that do not return.
    pub held: HashSet<String>,
    /// The call with this number, counted from here down, hangs before or after it has been carried out.
    pub hang_at: Option<(usize, Phase)>,
    /// Containers that were created beside one of an older epoch.
    pub fencing_broken: Vec<String>,
    pub no_events: bool,
    /// Events name nothing but the container.
    pub bare_events: bool,
    pub last_id: u64,
    streams: Vec<mpsc::UnboundedSender<Result<ContainerEventResponse, Status>>>,
}

/// When a call hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Before,
    After,
}

/// The runtime. Clones are the same one.
#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
    pub socket: PathBuf,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Fake {
    pub async fn start(folder: &Path) -> Self {
        let fake = Self {
            state: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
            socket: folder.join("cri.sock"),
            server: Arc::default(),
        };
        fake.state().images.insert("busybox:1".to_owned());
        fake.serve();
        fake
    }

    pub fn serve(&self) {
        let listener = reprise_cri::socket::bind(&self.socket).unwrap();
        let serving = Server::builder()
            .add_service(RuntimeServiceServer::new(self.clone()))
            .add_service(ImageServiceServer::new(self.clone()))
            .serve_with_incoming(UnixListenerStream::new(listener));
        let task = tokio::spawn(async move { drop(serving.await) });
        *self.server.lock().unwrap() = Some(task);
    }

    /// The runtime dies; its containers do not.
    pub async fn die(&self) {
        let server = self.server.lock().unwrap().take();
        if let Some(server) = server {
            server.abort();
            drop(server.await);
        }
        self.state().streams.clear();
        std::fs::remove_file(&self.socket).unwrap();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// How often `call` has been made.
    pub fn count(&self, call: &str) -> usize {
        self.state().calls.iter().filter(|c| c.as_str() == call).count()
    }

    pub fn note_change(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    /// Waits until `holds` of the runtime's state.
    pub async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            while !holds(&self.state()) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(LIMIT, waiting).await.is_err() {
            panic!("not within {LIMIT:?}: {what}; calls: {:#?}", self.calls());
        }
    }

    /// Writes a call down and lets it fail or wait if a test says so.
    pub async fn called(&self, call: &str, object: &str) -> Result<(), Status> {
        let name = format!("{call} {object}");
        let failure = {
            let mut state = self.state();
            state.calls.push(name.clone());
            let at = state.failures.iter().position(|(c, _)| *c == name || c == call);
            at.map(|at| state.failures.remove(at).1)
        };
        self.note_change();
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.count_down();
        self.hang_if(Phase::Before).await;
        let mut changes = self.changed.subscribe();
        while self.is_held(call, &name) {
            changes.changed().await.map_err(|e| Status::internal(e.to_string()))?;
        }
        Ok(())
    }

    fn count_down(&self) {
        if let Some((left, _)) = &mut self.state().hang_at {
            *left = left.saturating_sub(1);
        }
        self.note_change();
    }

    /// Whether the call that is to hang does.
    pub async fn hangs(&self) {
        self.until("a call hangs", |s| s.hang_at.is_some_and(|(left, _)| left == 0)).await;
    }

    /// Hangs for good if this is the call and the phase: the agent that waits for it dies.
    pub async fn hang_if(&self, phase: Phase) {
        if self.state().hang_at == Some((0, phase)) {
            std::future::pending::<()>().await;
        }
    }

    fn is_held(&self, call: &str, name: &str) -> bool {
        let state = self.state();
        state.held.contains(call) || state.held.contains(name)
    }

    pub fn hold(&self, call: &str) {
        self.state().held.insert(call.to_owned());
    }

    pub fn release(&self) {
        self.state().held.clear();
        self.note_change();
    }

    pub fn fail_next(&self, call: &str, status: Status) {
        self.state().failures.push((call.to_owned(), status));
    }

    /// From now on this command, in every container or in one (`main@0 true`), ends so.
    pub fn answer(&self, command: &str, code: i32) {
        self.state().commands.insert(command.to_owned(), code);
    }

    /// The name and epoch of a container, as calls are written down: `main@0`.
    pub fn name_of(&self, id: &str) -> String {
        self.state().containers.get(id).map(|(_, c)| label(c)).unwrap_or_else(|| id.to_owned())
    }

    /// The newest running container of that name exits by itself.
    pub fn exit(&self, name: &str, code: i32) {
        let id = self.running(name).unwrap_or_else(|| panic!("{name} does not run"));
        self.end(&id, code);
    }

    pub fn running(&self, name: &str) -> Option<String> {
        let state = self.state();
        let running = |c: &ContainerStatus| c.state() == ContainerState::ContainerRunning && short_name(c) == name;
        state.containers.values().find(|(_, c)| running(c)).map(|(_, c)| c.id.clone())
    }

    pub fn end(&self, id: &str, code: i32) {
        let ended = self.state().containers.get_mut(id).is_some_and(|(_, c)| {
            let was_alive = c.state() != ContainerState::ContainerExited;
            c.set_state(ContainerState::ContainerExited);
            if was_alive {
                (c.exit_code, c.finished_at) = (code, now());
            }
            was_alive
        });
        if ended {
            self.announce(id, ContainerEventType::ContainerStoppedEvent);
        }
    }

    pub fn announce(&self, id: &str, kind: ContainerEventType) {
        {
            let mut state = self.state();
            let event = event(&state, id, kind);
            state.streams.retain(|s| s.send(Ok(event.clone())).is_ok());
        }
        self.note_change();
    }

    pub fn add_stream(&self) -> mpsc::UnboundedReceiver<Result<ContainerEventResponse, Status>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().streams.push(sender);
        self.note_change();
        receiver
    }
}

impl State {
    pub fn called(&self, call: &str) -> bool {
        self.calls.iter().any(|c| c == call)
    }
}

fn event(state: &State, id: &str, kind: ContainerEventType) -> ContainerEventResponse {
    let sandbox = state.containers.get(id).map(|(sandbox, _)| sandbox.clone());
    let of_pod = state.containers.values().filter(|(s, _)| Some(s) == sandbox.as_ref()).map(|(_, c)| c.clone());
    let sandbox_status = sandbox.as_ref().and_then(|s| state.sandboxes.get(s)).cloned();
    ContainerEventResponse {
        container_id: id.to_owned(),
        container_event_type: kind as i32,
        created_at: now(),
        containers_statuses: if state.bare_events { Vec::new() } else { of_pod.collect() },
        pod_sandbox_status: sandbox_status,
    }
}

pub fn short_name(c: &ContainerStatus) -> &str {
    c.metadata.as_ref().map_or("", |m| m.name.as_str())
}

pub fn label(c: &ContainerStatus) -> String {
    let epoch = c.labels.get("reprise.dev/epoch").map_or("none", String::as_str);
    format!("{}@{epoch}", short_name(c))
}

/// The epoch of a container; an ephemeral one is never too old.
pub fn epoch(c: &ContainerStatus) -> u64 {
    c.labels.get("reprise.dev/epoch").map_or(u64::MAX, |e| e.parse().unwrap())
}

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}
