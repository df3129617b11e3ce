//! A simulated runtime, clock and agent: it carries out plans with random delays and fails at random.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::action::Action;
use reprise_core::backoff::BackoffLimits;
use reprise_core::clock;
use reprise_core::gates::FeatureGates;
use reprise_core::hook::HookResult;
use reprise_core::ledger::Ledger;
use reprise_core::observed::{
    ContainerObservation, Failure, ImageObservation, Observed, RuntimeExit, RuntimeState, SandboxObservation,
};
use reprise_core::plan::{Desired, Plan, Stage, plan};
use reprise_core::probe::{ProbeKind, ProbeVerdict};

use crate::check::Checks;
use crate::dice::Dice;
use crate::pods::CODES;

#[derive(Clone, Copy)]
pub struct Faults {
    /// Crashes, lost containers, reboots and failing calls, in percent of passes.
    pub percent: u64,
}

impl Faults {
    pub const NONE: Self = Self { percent: 0 };
    pub const ALL: Self = Self { percent: 6 };
}

/// A container in the simulated runtime.
#[derive(Clone, Debug)]
pub struct Sim {
    pub seen: ContainerObservation,
    /// When its program will end by itself, and how.
    pub fate: Option<(Timestamp, i32)>,
    /// When a SIGTERM or SIGKILL under way will have ended it, and with which code.
    pub killed: Option<(Timestamp, i32)>,
}

pub struct World {
    pub pod: Pod,
    dice: Dice,
    faults: Faults,
    pub now: Timestamp,
    /// What is on disk: all that survives a crash of the agent.
    pub ledger: Ledger,
    pub containers: Vec<Sim>,
    pub sandboxes: Vec<SandboxObservation>,
    /// Calls under way and when they take effect. Lost when the agent dies, some after having taken effect.
    calls: BTreeMap<Action, Timestamp>,
    images: BTreeMap<String, ImageObservation>,
    failures: BTreeMap<String, Failure>,
    /// When the probes that run come to a verdict next.
    probing: BTreeMap<(String, ProbeKind), Timestamp>,
    verdicts: BTreeMap<(String, ProbeKind), ProbeVerdict>,
    hooks: BTreeMap<String, HookResult>,
    ids: u32,
    checks: Checks,
    log: Vec<String>,
}

impl World {
    pub fn new(pod: Pod, dice: Dice, faults: Faults) -> Self {
        Self {
            pod,
            dice,
            faults,
            now: Timestamp::from_second(1_000_000_000).unwrap(),
            ledger: Ledger::default(),
            containers: Vec::new(),
            sandboxes: Vec::new(),
            calls: BTreeMap::new(),
            images: BTreeMap::new(),
            failures: BTreeMap::new(),
            probing: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            hooks: BTreeMap::new(),
            ids: 0,
            checks: Checks::new(faults.percent == 0),
            log: Vec::new(),
        }
    }

    /// The run so far, for a person to read.
    pub fn story(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.pod).unwrap();
        for line in &self.log {
            let _ = write!(text, "\n{line}");
        }
        text
    }

    /// Lives through up to 250 passes, then lets the Pod settle without further faults and deletes it.
    pub fn run(&mut self) {
        for _ in 0..150 + self.dice.below(100) {
            if self.pass() == Stage::Gone {
                return;
            }
            self.disturb();
        }
        let may_disturb = self.faults.percent > 0;
        self.faults = Faults::NONE;
        self.finish_restart();
        self.delete();
        for _ in 0..400 {
            if may_disturb && self.dice.chance(4) {
                self.set_clock();
            }
            if self.pass() == Stage::Gone {
                assert!(self.containers.is_empty() && self.sandboxes.is_empty(), "a deleted Pod left something behind");
                return;
            }
        }
        panic!("the deleted Pod is not gone after 400 passes");
    }

    /// R1: a restart that is on disk completes, unless the Pod's end comes first.
    fn finish_restart(&mut self) {
        let Some(to) = self.ledger.step.as_ref().map(|s| s.to) else { return };
        let done = |l: &Ledger| l.ending.is_some() || (l.epoch >= to && l.step.as_ref().is_none_or(|s| s.to > to));
        for _ in 0..100 {
            if done(&self.ledger) {
                return;
            }
            self.pass();
        }
        panic!("R1: the recorded restart to epoch {to} did not complete");
    }

    fn say(&mut self, line: String) {
        self.log.push(format!("{} {line}", self.now));
    }

    fn pass(&mut self) -> Stage {
        let pod = self.pod.clone();
        let planned = self.plan();
        assert_eq!(planned, self.plan(), "the same inputs gave another plan");
        for entry in &planned.entries {
            self.say(format!("e{} {:?}", entry.epoch, entry.happened));
        }
        if self.faults.percent > 0 && self.dice.chance(1) {
            self.crash("before the ledger was written");
            return Stage::Live;
        }
        self.checks.ledger(&pod, &self.ledger, &planned);
        self.ledger = planned.ledger.clone();
        self.checks.status(&planned, &pod, self.now);
        self.checks.probes(&planned, &self.containers);
        self.act(&planned);
        self.probe(&planned);
        self.advance(&planned);
        planned.stage
    }

    fn plan(&self) -> Plan {
        let desired = Desired {
            pod: &self.pod,
            gates: FeatureGates::default(),
            limits: BackoffLimits::default(),
            host_ip: Some("192.0.2.1"),
        };
        plan(&desired, &self.observe(), &self.ledger, self.now)
    }

    fn observe(&self) -> Observed {
        let creating = |a: &&Action| matches!(a, Action::CreateContainer { .. } | Action::StartContainer { .. });
        Observed {
            sandboxes: self.sandboxes.clone(),
            containers: self.containers.iter().map(|c| c.seen.clone()).collect(),
            in_flight: self.calls.keys().filter(creating).filter_map(|a| a.container().map(str::to_owned)).collect(),
            sandbox_in_flight: self.calls.keys().any(|a| matches!(a, Action::CreateSandbox { .. })),
            images: self.images.clone(),
            container_failures: self.failures.clone(),
            sandbox_failure: None,
            probes: self.verdicts.clone(),
            post_start: self.hooks.clone(),
            storage: None,
        }
    }

    fn act(&mut self, planned: &Plan) {
        for action in &planned.actions {
            self.checks.action(action, &self.pod, &self.ledger, &self.containers);
            if !self.calls.contains_key(action) {
                self.say(format!("  {action:?}"));
                let takes = self.dice.below(40) as i64;
                self.calls.insert(action.clone(), self.after(SignedDuration::from_millis(takes)));
            }
        }
    }

    /// Has exactly the wanted probes run; each comes to verdicts from time to time.
    fn probe(&mut self, planned: &Plan) {
        self.probing.retain(|(id, kind), _| planned.probes.iter().any(|t| t.id == *id && t.kind == *kind));
        for task in &planned.probes {
            let takes = SignedDuration::from_millis(self.dice.below(20_000) as i64);
            let at = self.after(takes);
            self.probing.entry((task.id.clone(), task.kind)).or_insert(at);
        }
    }

    fn verdicts(&mut self) {
        let due: Vec<_> = self.probing.iter().filter(|(_, at)| **at <= self.now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.probing.remove(&key);
            let passes = self.dice.chance(if key.1 == ProbeKind::Liveness { 95 } else { 80 });
            self.say(format!("{} of {} passes: {passes}", key.1.name(), key.0));
            self.checks.verdict(&key.0, key.1, passes);
            self.verdicts.insert(key, ProbeVerdict { passes, message: "made up".to_owned() });
        }
    }

    /// Lets time pass to the next thing that happens.
    fn advance(&mut self, planned: &Plan) {
        let fates = self.containers.iter().flat_map(|c| [c.fate, c.killed]).flatten().map(|(at, _)| at);
        let next = self.calls.values().chain(self.probing.values()).copied().chain(fates).chain(planned.wake_at).min();
        self.now = next.unwrap_or_else(|| self.after(SignedDuration::from_secs(60))).max(self.now);
        self.exits();
        self.verdicts();
        let due: Vec<Action> = self.calls.iter().filter(|(_, at)| **at <= self.now).map(|(a, _)| a.clone()).collect();
        for action in due {
            self.calls.remove(&action);
            self.take_effect(&action);
        }
    }

    fn exits(&mut self) {
        let now = self.now;
        let mut lines = Vec::new();
        for c in &mut self.containers {
            let end = [c.fate, c.killed].into_iter().flatten().filter(|(at, _)| *at <= now).min();
            let RuntimeState::Running { started_at } = c.seen.state else { continue };
            let Some((at, code)) = end else { continue };
            self.checks.ended(&c.seen.id, code);
            lines.push(format!("{} of epoch {:?} ends with {code}", c.seen.name, c.seen.epoch));
            let exit = RuntimeExit {
                exit_code: code,
                reason: String::new(),
                message: String::new(),
                started_at: Some(started_at),
                finished_at: at,
            };
            c.seen.state = RuntimeState::Exited(exit);
            (c.fate, c.killed) = (None, None);
        }
        lines.into_iter().for_each(|line| self.say(line));
    }

    fn take_effect(&mut self, action: &Action) {
        let fails = self.dice.chance(self.faults.percent);
        match action {
            Action::CreateSandbox { attempt } if !fails => {
                let id = self.fresh_id("sandbox");
                let ips = vec![format!("10.0.0.{}", attempt + 2)];
                self.sandboxes.push(SandboxObservation { id, attempt: *attempt, ready: true, ips });
            }
            Action::CreateSandbox { .. } => {}
            Action::EnsureImage { container, attempt } => {
                let count = self.images.get(container).and_then(|i| i.result.as_ref().err()).map_or(0, |f| f.count) + 1;
                let result = if fails { Err(self.failure("ErrImagePull", count)) } else { Ok("img".to_owned()) };
                self.images.insert(container.clone(), ImageObservation { attempt: *attempt, result });
            }
            Action::CreateContainer { container, .. } | Action::StartContainer { container, .. } if fails => {
                let count = self.failures.get(container).map_or(0, |f| f.count) + 1;
                let failure = self.failure("CreateContainerError", count);
                self.failures.insert(container.clone(), failure);
            }
            Action::CreateContainer { container, sandbox, epoch, attempt, image } => {
                self.failures.remove(container);
                self.checks.created(container, *epoch, *attempt, &self.containers);
                let id = self.fresh_id(container);
                let seen = ContainerObservation {
                    id,
                    sandbox: sandbox.clone(),
                    name: container.clone(),
                    epoch: *epoch,
                    attempt: *attempt,
                    state: RuntimeState::Created,
                    image: image.clone(),
                    image_id: "sha256:0".to_owned(),
                };
                self.containers.push(Sim { seen, fate: None, killed: None });
            }
            Action::StartContainer { id, .. } => self.start(id),
            Action::KillContainer { id, deadline, .. } => self.kill(id, *deadline),
            Action::RunPostStart { id, .. } => {
                let failed = self.dice.chance(20);
                let result = if failed { HookResult::Failed("made up".to_owned()) } else { HookResult::Done };
                self.checks.hook(id, !failed);
                self.hooks.insert(id.clone(), result);
            }
            Action::RemoveContainer { id, .. } => self.containers.retain(|c| c.seen.id != *id),
            Action::RemoveSandbox { id } => self.sandboxes.retain(|s| s.id != *id),
        }
    }

    fn start(&mut self, id: &str) {
        let lives = SignedDuration::from_millis([1, 50, 3_000, 700_000][self.dice.below(4) as usize]);
        let fate = (!self.dice.chance(20)).then(|| (self.after(lives), self.dice.pick(&CODES)));
        let now = self.now;
        let Some(c) = self.containers.iter_mut().find(|c| c.seen.id == id) else { return };
        if c.seen.state == RuntimeState::Created {
            self.failures.remove(&c.seen.name);
            self.checks.started(&self.pod, &c.seen, self.ledger.epoch, now);
            c.seen.state = RuntimeState::Running { started_at: now };
            c.fate = fate;
        }
    }

    fn kill(&mut self, id: &str, deadline: Option<Timestamp>) {
        let (now, heeds, at_once) = (self.now, self.dice.chance(50), self.after(SignedDuration::from_millis(1)));
        let Some(c) = self.containers.iter_mut().find(|c| c.seen.id == id) else { return };
        let end = match deadline.filter(|at| *at > now) {
            Some(_) if heeds => (at_once, 143),
            Some(at) => (at, 137),
            None => (now, 137),
        };
        if matches!(c.seen.state, RuntimeState::Running { .. }) {
            c.killed = Some(c.killed.map_or(end, |k| k.min(end)));
        }
    }

    fn disturb(&mut self) {
        if self.dice.chance(2) {
            let at = self.now.to_string();
            let annotations = self.pod.metadata.annotations.get_or_insert_default();
            annotations.insert("reprise.dev/restart-at".to_owned(), at);
            self.checks.requested();
        }
        if !self.dice.chance(self.faults.percent) {
            return;
        }
        match self.dice.below(8) {
            0..=3 => self.crash("anywhere"),
            5..=6 => self.set_clock(),
            4 => {
                self.say("one container vanishes from the runtime".to_owned());
                if let Some(victim) = self.containers.pop() {
                    self.calls.retain(|a, _| a.container() != Some(victim.seen.name.as_str()));
                }
            }
            _ => {
                self.crash("reboot");
                self.containers.clear();
                self.sandboxes.clear();
                self.checks.sandbox_lost();
            }
        }
    }

    /// The clock is set forward or back by up to some hours, which programs, calls and probes do not notice. An agent that
    /// runs does, one that is down does not.
    fn set_clock(&mut self) {
        let by = SignedDuration::from_secs(self.dice.below(20_000) as i64 - 10_000);
        let noticed = self.dice.chance(60);
        self.say(format!("the clock is set by {by:?}, noticed: {noticed}"));
        if !noticed {
            self.crash("before the clock is set");
        }
        let before = self.plan();
        self.move_world(by);
        if noticed {
            clock::move_ledger(&mut self.ledger, by);
            let failed = self.images.values_mut().filter_map(|image| image.result.as_mut().err());
            failed.chain(self.failures.values_mut()).for_each(|failure| clock::move_failure(failure, by));
        }
        let deletion = self.pod.metadata.deletion_timestamp.as_ref().map(|at| clock::moved(at.0, by));
        let deletion = deletion.filter(|_| noticed).or_else(|| clock::deletion_within_reach(&self.pod, self.now));
        if let Some(at) = deletion {
            self.pod.metadata.deletion_timestamp = Some(Time(at));
        }
        // What is news tells times of the runtime, which did not move.
        if noticed && before.entries.is_empty() {
            let (waits, after) = (|plan: &Plan, now| plan.wake_at.map(|at| at.duration_since(now)), self.plan());
            assert_eq!(waits(&before, clock::moved(self.now, -by)), waits(&after, self.now), "a jump changed a wait");
            assert_eq!(before.actions.len(), after.actions.len(), "a jump made something be done");
        }
    }

    fn move_world(&mut self, by: SignedDuration) {
        self.now = clock::moved(self.now, by);
        let ends = self.containers.iter_mut().flat_map(|c| [&mut c.fate, &mut c.killed]).flatten().map(|(at, _)| at);
        let times = self.calls.values_mut().chain(self.probing.values_mut()).chain(ends);
        times.for_each(|at| *at = clock::moved(*at, by));
    }

    /// The agent dies: its memory is gone; calls under way have taken effect or not.
    fn crash(&mut self, when: &str) {
        self.say(format!("crash {when}"));
        for action in std::mem::take(&mut self.calls).into_keys() {
            if self.dice.chance(50) {
                self.take_effect(&action);
            }
        }
        self.images.clear();
        self.failures.clear();
        self.probing.clear();
        self.verdicts.clear();
        self.hooks.clear();
    }

    fn delete(&mut self) {
        self.say("deleted".to_owned());
        let grace = SignedDuration::from_secs(self.dice.below(5) as i64);
        self.pod.metadata.deletion_timestamp = Some(Time(self.after(grace)));
        self.pod.metadata.deletion_grace_period_seconds = Some(grace.as_secs());
        self.checks.deleted();
    }

    fn failure(&self, reason: &str, count: u32) -> Failure {
        Failure { reason: reason.to_owned(), message: "made to fail".to_owned(), at: self.now, count }
    }

    fn after(&self, d: SignedDuration) -> Timestamp {
        self.now.saturating_add(d).unwrap()
    }

    fn fresh_id(&mut self, of: &str) -> String {
        self.ids += 1;
        format!("{of}-{}", self.ids)
    }
}
