//! One task per Pod: it alone decides and acts for its Pod, so nothing about a Pod needs a lock.
//!
//! ```text
//! mail (events, answers, requests, time) -> what is seen -> plan -> ledger on disk -> actions in tasks of their own
//!                                    ^                                                        |
//!                                    +------------------- answers ----------------------------+
//! ```
//!
//! The worker never waits for the runtime: each action is a task that answers by mail. Mail that is there is taken
//! in as a whole before the next plan, so several exits at once make one pass.

mod act;
mod clock;
mod devices;
pub(crate) mod flights;
mod health;
pub(crate) mod mail;
mod measuring;
mod news;
mod outcome;
mod pass;
mod requests;
mod sight;
mod tasks;
mod volumes;
mod weight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::api_pod;
use reprise_core::ephemeral_storage::StorageUse;
use reprise_core::hook::HookResult;
use reprise_core::ledger::Ledger;
use reprise_core::node_admission::NodeRules;
use reprise_core::observed::{Failure, ImageObservation};
use reprise_core::plan::Stage;
use reprise_core::probe::{ProbeKind, ProbeVerdict};
use reprise_core::resources::ResourceList;
use reprise_core::timeline::Entry;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::api_service::KnownApiService;
use crate::config::NodeConfig;
use crate::container::build::ResolvedImage;
use crate::container::resource_ref::Machine;
use crate::devices::Devices;
use crate::error::{NodeError, chain};
use crate::health::http::ProbeClient;
use crate::health::pre_stop::PreStops;
use crate::health::probers::Probers;
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::observer::Pace;
use crate::owned_task::OwnedTask;
use crate::paths::{NodePaths, PodPaths};
use crate::pod_cgroups::PodCgroups;
use crate::pod_key::{PodKey, uid_of};
use crate::publisher::{NodeEvent, Publisher};
use crate::record::ledger_file;
use crate::record::timeline_file::Timeline;
use crate::record::view_files;
use crate::runtime_calls::Runtime;
use crate::view::PodView;
use crate::volumes::Concerned;
use clock::ClockReading;
use flights::Flights;
use mail::Mail;
use sight::Sight;
use volumes::VolumeWork;

/// How long calls that are under way may take to end when the node shuts down.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// What all workers of a node share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: NodeConfig,
    /// Which node this is, for labels.
    pub node_id: String,
    pub paths: NodePaths,
    pub runtime: Runtime,
    pub publisher: Publisher,
    pub machine: Machine,
    /// What of it is for Pods.
    pub offered: Machine,
    /// What Pods can have here.
    pub rules: NodeRules,
    /// What the machine has in all.
    pub capacity: ResourceList,
    /// The runtime's handler of each RuntimeClass that the cluster has told of.
    pub runtime_classes: Mutex<BTreeMap<String, String>>,
    pub api_service: KnownApiService,
    pub cgroups: PodCgroups,
    pub objects: Objects,
    pub devices: Devices,
    /// For probes and hooks.
    pub probes: ProbeClient,
    pub metrics: Arc<Metrics>,
    /// When the agent started.
    pub started_at: Timestamp,
    /// How often a runtime without events is asked.
    pub pace: Pace,
}

/// A worker as the node holds it.
#[derive(Debug, Clone)]
pub(crate) struct WorkerHandle {
    pub uid: String,
    pub mailbox: mpsc::UnboundedSender<Mail>,
    pub view: Arc<Mutex<PodView>>,
    /// Turns true when the worker has ended.
    pub ended: watch::Receiver<bool>,
}

impl WorkerHandle {
    pub(crate) fn view(&self) -> PodView {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is left of a worker.
#[derive(Debug)]
pub(crate) struct Finished {
    /// That the Pod is gone, if it is: to be told once the node no longer lists it.
    pub last_word: Option<NodeEvent>,
    /// To be set last.
    pub ended: watch::Sender<bool>,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    key: PodKey,
    uid: String,
    paths: PodPaths,
    pod: Arc<Pod>,
    ledger: Ledger,
    /// The ledger on disk lacks something that can wait; when it is to be written.
    flush_at: Option<Instant>,
    timeline: Timeline,
    /// Entries that the node itself makes, told with the next pass.
    own_entries: Vec<Entry>,
    sight: Sight,
    /// Whether the runtime has been asked what it has of the Pod. Nothing is decided before.
    synced: bool,
    resyncing: bool,
    resync_at: Option<Instant>,
    /// How many listings have failed in a row.
    resyncs_failed: u32,
    flights: Flights,
    images: BTreeMap<String, ImageObservation>,
    resolved: BTreeMap<String, ResolvedImage>,
    container_failures: BTreeMap<String, Failure>,
    sandbox_failure: Option<Failure>,
    /// Containers, by id, whose start nobody answered.
    doubtful_starts: BTreeSet<String>,
    storage: Option<StorageUse>,
    /// Why the Pod can't have its devices.
    devices_refused: Option<String>,
    following_devices: Option<OwnedTask>,
    probers: Probers,
    verdicts: BTreeMap<(String, ProbeKind), ProbeVerdict>,
    post_start: BTreeMap<String, HookResult>,
    pre_stops: PreStops,
    measuring: Option<AbortHandle>,
    volumes: VolumeWork,
    released: bool,
    /// When an object that the Pod refers to changed last.
    objects_changed_at: Option<Instant>,
    clock: ClockReading,
    status: PodStatus,
    stage: Stage,
    wake_at: Option<Timestamp>,
    /// After a failure of the node's own (disk full): when to try again.
    retry_at: Option<Instant>,
    stopping: bool,
    /// A Pod from an API stays on record until the API knows how it ended.
    held: bool,
    view: Arc<Mutex<PodView>>,
    mailbox: mpsc::UnboundedReceiver<Mail>,
    sender: mpsc::UnboundedSender<Mail>,
    ended: watch::Sender<bool>,
}

impl Worker {
    /// Loads what is on disk about `pod`. A `new` Pod has nothing in the runtime yet.
    pub(crate) fn load(shared: Arc<Shared>, pod: Pod, new: bool) -> Result<(Self, WorkerHandle), NodeError> {
        let paths = shared.paths.pod(&pod);
        let ledger = ledger_file::read(&paths.ledger_file())?;
        let timeline_path = paths.timeline_file();
        let timeline = Timeline::open(timeline_path.clone()).map_err(NodeError::file("read", timeline_path))?;
        // Until the first pass, whoever asks sees what was last known. It decides nothing, so a damaged one is only told.
        let last_status = view_files::status(&paths.status_file()).unwrap_or_else(|e| {
            tracing::warn!(error = chain(&e), "the last status is not readable");
            PodStatus::default()
        });
        let view = Arc::new(Mutex::new(PodView {
            pod: pod.clone(),
            status: last_status,
            ledger: ledger.clone(),
            // Who looks before the first pass must not take an ended Pod for a running one.
            stage: if ledger.is_over() { Stage::Ended } else { Stage::Live },
            steps: timeline.steps().to_vec(),
        }));
        let (sender, mailbox) = mpsc::unbounded_channel();
        let (ended, has_ended) = watch::channel(false);
        let uid = uid_of(&pod).to_owned();
        let handle =
            WorkerHandle { uid: uid.clone(), mailbox: sender.clone(), view: Arc::clone(&view), ended: has_ended };
        let held = api_pod::is_from_api(&pod);
        let volumes = VolumeWork::new(Arc::clone(&shared), paths.clone(), Arc::clone(&view));
        let worker = Self {
            shared,
            key: PodKey::of(&pod),
            uid,
            paths,
            pod: Arc::new(pod),
            ledger,
            flush_at: None,
            timeline,
            own_entries: Vec::new(),
            sight: Sight::default(),
            synced: new,
            resyncing: false,
            resync_at: None,
            resyncs_failed: 0,
            flights: Flights::default(),
            images: BTreeMap::new(),
            resolved: BTreeMap::new(),
            container_failures: BTreeMap::new(),
            sandbox_failure: None,
            doubtful_starts: BTreeSet::new(),
            storage: None,
            devices_refused: None,
            following_devices: None,
            probers: Probers::default(),
            verdicts: BTreeMap::new(),
            post_start: BTreeMap::new(),
            pre_stops: PreStops::default(),
            measuring: None,
            volumes,
            released: false,
            objects_changed_at: None,
            clock: ClockReading::now(),
            status: PodStatus::default(),
            stage: Stage::Live,
            wake_at: None,
            retry_at: None,
            stopping: false,
            held,
            view,
            mailbox,
            sender,
            ended,
        };
        Ok((worker, handle))
    }

    /// Works until the Pod is gone or the node stops.
    pub(crate) async fn run(mut self) -> Finished {
        self.start_measuring();
        self.follow_objects();
        self.follow_devices();
        // Objects may have changed while nobody looked.
        self.refresh_volumes(Concerned::All);
        self.bring_deletion_within_reach().await;
        while !self.stopping {
            if self.synced {
                self.pass().await;
                if self.stage == Stage::Gone && self.tear_down().await {
                    break;
                }
            }
            self.next_mail().await;
        }
        self.shared.objects.unfollow(&self.uid);
        let gone = self.stage == Stage::Gone && !self.stopping;
        self.wind_up().await;
        let last_word = gone.then(|| self.event(self.stage_news()));
        Finished { last_word, ended: self.ended }
    }

    /// Waits for mail or for the time to look again, then takes in all mail that is there.
    async fn next_mail(&mut self) {
        let wake = self.wake_instant();
        let mail = match wake {
            // `recv` loses nothing when it is dropped, and a timer can be set again.
            Some(at) => tokio::select! {
                biased;
                mail = self.mailbox.recv() => mail,
                () = tokio::time::sleep_until(at.into()) => None,
            },
            None => self.mailbox.recv().await,
        };
        // Before mail is taken in, which may bring times of its own.
        self.follow_clock().await;
        if let Some(mail) = mail {
            self.take(mail).await;
        }
        while let Ok(mail) = self.mailbox.try_recv() {
            self.take(mail).await;
        }
        if self.resync_at.is_some_and(|at| at <= Instant::now()) {
            self.start_resync();
        }
        if self.flush_at.is_some_and(|at| at <= Instant::now()) {
            self.flush().await;
        }
    }

    async fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Event(event) => self.on_event(*event),
            Mail::Listed(listed) => self.on_listed(listed),
            Mail::Resynced(all) => self.on_resynced(all),
            Mail::ResyncFailed(error) => self.on_resync_failed(&error),
            Mail::Status { id, asked_at, status } => self.on_status(&id, asked_at, status),
            Mail::Done { key, serial, outcome } => {
                self.shared.pace.stir();
                self.on_done(key, serial, outcome);
            }
            Mail::Probed { id, kind, verdict } => self.on_probed(id, kind, verdict),
            Mail::PreStopOver { id } => self.pre_stops.end(&id),
            Mail::ObjectsChanged(keys) => self.on_objects_changed(keys),
            Mail::TokensChanged => self.on_tokens_changed(),
            Mail::DevicesChanged => self.on_devices_changed(),
            Mail::NotRefreshed(errors) => self.on_not_refreshed(errors),
            Mail::Measured(used) => self.storage = Some(used),
            Mail::Delete { grace, reply } => self.on_delete(grace, reply).await,
            Mail::Annotate { name, value, reply } => self.on_annotate(name, value, reply).await,
            Mail::Update { pod, reply } => self.on_update(*pod, reply).await,
            Mail::Release => self.held = false,
            Mail::AddEphemeral { containers, reply } => self.on_add_ephemeral(containers, reply).await,
            Mail::Stop => self.stopping = true,
        }
    }

    fn wake_instant(&self) -> Option<Instant> {
        let now = Instant::now();
        let planned = self.wake_at.filter(|_| self.synced).map(|at| {
            let wait = at.duration_since(Timestamp::now());
            // Never in the past: a clock that was set back must not make a busy loop.
            now + Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(1))
        });
        [planned, self.resync_at, self.flush_at, self.retry_at, self.flights.next_retry(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// The end of the worker, not of the Pod: calls that are soon over may end, then everything is on disk.
    async fn wind_up(&mut self) {
        let limit = tokio::time::Instant::now() + SHUTDOWN_LIMIT;
        while self.flights.any_short() {
            match tokio::time::timeout_at(limit, self.mailbox.recv()).await {
                Ok(Some(Mail::Done { key, serial, .. })) => self.flights.end(&key, serial),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.flights.abort_all();
        self.stop_measuring();
        if self.flush_at.is_some() && self.stage != Stage::Gone {
            self.flush().await;
        }
    }
}
