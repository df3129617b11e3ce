//! A node in which every call succeeds at once: what is left to see is what the plan decides.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::action::Action;
use reprise_core::backoff::BackoffLimits;
use reprise_core::devices::PodDevices;
use reprise_core::gates::FeatureGates;
use reprise_core::hook::HookResult;
use reprise_core::ledger::Ledger;
use reprise_core::observed::{
    ContainerObservation, ImageObservation, Observed, RuntimeExit, RuntimeState, STATUS_UNKNOWN, SandboxObservation,
};
use reprise_core::plan::{Desired, Plan, Stage, plan};
use reprise_core::probe::{ProbeKind, ProbeTask, ProbeVerdict};
use reprise_core::timeline::Happened;
use serde_json::{Value, json};

pub struct Node {
    pub pod: Pod,
    pub gates: FeatureGates,
    pub now: Timestamp,
    pub ledger: Ledger,
    pub observed: Observed,
    /// All statuses that were reported, and the newest.
    pub reported: Vec<PodStatus>,
    pub happened: Vec<Happened>,
    pub stage: Stage,
    /// How postStart hooks end, by container; those not named end well.
    pub hooks: BTreeMap<String, HookResult>,
    /// All kills: the container's id, the seconds it was given, whether its preStop hook was to run.
    pub kills: Vec<(String, Option<i64>, bool)>,
    /// The devices that the Pod gets when it asks.
    pub devices: PodDevices,
    /// The probes that run.
    pub probes: Vec<ProbeTask>,
    ids: u32,
}

pub const RULE_88: &str = "RestartAllContainers";

/// A rule list that restarts the Pod on one exit code.
pub fn on(code: i32) -> Value {
    json!([{"action": RULE_88, "exitCodes": {"operator": "In", "values": [code]}}])
}

impl Node {
    /// A Pod with the given spec, started as far as it goes.
    pub fn start(spec: Value) -> Self {
        Self::start_with(json!({}), spec)
    }

    pub fn start_with(annotations: Value, spec: Value) -> Self {
        let mut node = Self::new(annotations, spec);
        node.settle();
        node
    }

    /// A Pod of which some postStart hooks end as given.
    pub fn start_hooked(hooks: impl IntoIterator<Item = (String, HookResult)>, spec: Value) -> Self {
        let mut node = Self::new(json!({}), spec);
        node.hooks.extend(hooks);
        node.settle();
        node
    }

    /// A Pod of which nothing has been started.
    pub fn new(annotations: Value, spec: Value) -> Self {
        let pod = json!({"metadata": {"name": "p", "annotations": annotations}, "spec": spec});
        Self {
            pod: serde_json::from_value(pod).unwrap(),
            gates: FeatureGates::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            ledger: Ledger::default(),
            observed: Observed::default(),
            reported: Vec::new(),
            happened: Vec::new(),
            stage: Stage::Live,
            hooks: BTreeMap::new(),
            kills: Vec::new(),
            devices: PodDevices::new(),
            probes: Vec::new(),
            ids: 0,
        }
    }

    /// One pass, carried out.
    pub fn step(&mut self) {
        for action in self.pass().actions {
            self.carry_out(action);
        }
    }

    /// Carries plans out until nothing is left to do now.
    pub fn settle(&mut self) {
        for _ in 0..100 {
            let planned = self.pass();
            let again = planned.wake_at.is_some_and(|at| at <= self.now);
            if planned.actions.is_empty() && !again {
                return;
            }
            for action in planned.actions {
                self.carry_out(action);
            }
        }
        panic!("the Pod does not settle");
    }

    /// One pass, without carrying anything out.
    pub fn pass(&mut self) -> Plan {
        let (limits, host_ip) = (BackoffLimits::default(), Some("192.0.2.1"));
        let desired = Desired { pod: &self.pod, gates: self.gates, limits, host_ip };
        let planned = plan(&desired, &self.observed, &self.ledger, self.now);
        let text = serde_json::to_string(&planned.ledger).unwrap();
        self.ledger = serde_json::from_str(&text).unwrap();
        self.stage = planned.stage;
        self.probes.clone_from(&planned.probes);
        self.reported.push(planned.status.clone());
        self.happened.extend(planned.entries.iter().map(|e| e.happened.clone()));
        planned
    }

    fn carry_out(&mut self, action: Action) {
        self.ids += 1;
        let id = format!("id-{}", self.ids);
        match action {
            Action::AllocateDevices => self.observed.devices.allocated = Some(self.devices.clone()),
            Action::CreateSandbox { attempt } => {
                let ips = vec!["10.0.0.2".to_owned()];
                self.observed.sandboxes.push(SandboxObservation { id, attempt, ready: true, ips });
            }
            Action::EnsureImage { container, attempt } => {
                self.observed.images.insert(container, ImageObservation { attempt, result: Ok("img".to_owned()) });
            }
            Action::CreateContainer { container, sandbox, epoch, attempt, image } => {
                self.observed.containers.push(ContainerObservation {
                    id,
                    sandbox,
                    name: container,
                    epoch,
                    attempt,
                    state: RuntimeState::Created,
                    image,
                    image_id: "sha256:0".to_owned(),
                });
            }
            Action::StartContainer { id, .. } => self.set_state(&id, RuntimeState::Running { started_at: self.now }),
            Action::KillContainer { id, deadline, pre_stop, .. } => {
                self.kills.push((id.clone(), deadline.map(|at| at.duration_since(self.now).as_secs()), pre_stop));
                let unknown = self.observed.containers.iter().any(|c| c.id == id && c.state == RuntimeState::Unknown);
                self.end(&id, 137);
                if unknown {
                    self.made_up(|c| c.id == id);
                }
            }
            Action::RunPostStart { container, id } => {
                let result = self.hooks.get(&container).cloned().unwrap_or(HookResult::Done);
                self.observed.post_start.insert(id, result);
            }
            Action::RemoveContainer { id, .. } => self.observed.containers.retain(|c| c.id != id),
            Action::RemoveSandbox { id } => self.observed.sandboxes.retain(|s| s.id != id),
        }
    }

    fn set_state(&mut self, id: &str, state: RuntimeState) {
        self.observed.containers.iter_mut().find(|c| c.id == id).expect("no such container").state = state;
    }

    fn end(&mut self, id: &str, exit_code: i32) {
        let (reason, message) = (String::new(), String::new());
        let (started_at, finished_at) = (Some(self.now), self.now);
        self.set_state(id, RuntimeState::Exited(RuntimeExit { exit_code, reason, message, started_at, finished_at }));
    }

    /// The program of a running container ends; nothing reacts yet.
    pub fn ends(&mut self, name: &str, code: i32) {
        let running = |c: &&ContainerObservation| c.name == name && c.may_run();
        let id = self.observed.containers.iter().find(running).expect("it does not run").id.clone();
        self.end(&id, code);
    }

    /// The program of a running container ends and the Pod reacts.
    pub fn exit(&mut self, name: &str, code: i32) {
        self.ends(name, code);
        self.settle();
    }

    /// The same, but the runtime can't tell how it ended and makes an exit code up.
    pub fn exit_unseen(&mut self, name: &str, code: i32) {
        self.ends(name, code);
        self.made_up(|c| c.name == name);
        self.settle();
    }

    /// The exits of some containers are such as the runtime makes up.
    fn made_up(&mut self, which: impl Fn(&ContainerObservation) -> bool) {
        for container in self.observed.containers.iter_mut().filter(|c| which(c)) {
            if let RuntimeState::Exited(exit) = &mut container.state {
                exit.reason = STATUS_UNKNOWN.to_owned();
            }
        }
    }

    /// The runtime can't tell any more what a container does.
    pub fn lose_sight_of(&mut self, name: &str) {
        let of_it = self.observed.containers.iter_mut().filter(|c| c.name == name);
        of_it.for_each(|c| c.state = RuntimeState::Unknown);
        self.settle();
    }

    pub fn after(&mut self, seconds: i64) {
        self.now = self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        self.settle();
    }

    pub fn annotate(&mut self, name: &str, value: &str) {
        self.pod.metadata.annotations.get_or_insert_default().insert(name.to_owned(), value.to_owned());
        self.settle();
    }

    /// The Pod is deleted; nothing is carried out.
    pub fn delete_within(&mut self, seconds: i64) {
        let deadline = self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        self.pod.metadata.deletion_timestamp = Some(Time(deadline));
        self.pass();
    }

    pub fn delete(&mut self) {
        self.pod.metadata.deletion_timestamp = Some(Time(self.now));
        self.settle();
    }

    /// A probe that runs comes to a verdict, and the Pod reacts.
    pub fn probe(&mut self, name: &str, kind: ProbeKind, passes: bool) {
        let task = self.probes.iter().find(|t| t.container == name && t.kind == kind).expect("it is not probed");
        let message = if passes { "" } else { "connection refused" }.to_owned();
        self.observed.probes.insert((task.id.clone(), kind), ProbeVerdict { passes, message });
        self.settle();
    }

    /// The kinds of probes of a container that run.
    pub fn probed(&self, name: &str) -> Vec<ProbeKind> {
        self.probes.iter().filter(|t| t.container == name).map(|t| t.kind).collect()
    }

    /// The machine was rebooted: nothing that ran is left.
    pub fn reboot(&mut self) {
        self.observed = Observed::default();
        self.settle();
    }

    pub fn status(&self) -> &PodStatus {
        self.reported.last().unwrap()
    }

    pub fn phase(&self) -> &str {
        self.status().phase.as_deref().unwrap()
    }

    pub fn container(&self, name: &str) -> &ContainerStatus {
        let s = self.status();
        let lists = [&s.init_container_statuses, &s.container_statuses, &s.ephemeral_container_statuses];
        lists.into_iter().flatten().flatten().find(|c| c.name == name).expect("no such container")
    }

    /// restartCount, and exit code and reason of the last state.
    pub fn last(&self, name: &str) -> (i32, Option<(i32, String)>) {
        let c = self.container(name);
        let terminated = c.last_state.as_ref().and_then(|s| s.terminated.as_ref());
        (c.restart_count, terminated.map(|t| (t.exit_code, t.reason.clone().unwrap())))
    }

    pub fn runs(&self, name: &str) -> bool {
        self.container(name).state.as_ref().is_some_and(|s| s.running.is_some())
    }

    pub fn waiting_reason(&self, name: &str) -> Option<&str> {
        self.container(name).state.as_ref()?.waiting.as_ref()?.reason.as_deref()
    }

    pub fn condition(&self, kind: &str) -> Option<&PodCondition> {
        self.status().conditions.iter().flatten().find(|c| c.type_ == kind)
    }

    /// The values that a condition was reported with, each change once.
    pub fn history_of(&self, kind: &str) -> Vec<String> {
        let of = |s: &PodStatus| s.conditions.iter().flatten().find(|c| c.type_ == kind).map(|c| c.status.clone());
        let mut values: Vec<String> = self.reported.iter().filter_map(of).collect();
        values.dedup();
        values
    }

    pub fn phases(&self) -> Vec<&str> {
        let mut phases: Vec<&str> = self.reported.iter().filter_map(|s| s.phase.as_deref()).collect();
        phases.dedup();
        phases
    }
}
