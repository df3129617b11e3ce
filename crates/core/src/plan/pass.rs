//! The state of one call of [`super::plan`]: what came in, and what has been decided so far.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::PodSpec;

use super::Desired;
use crate::action::{self, Action};
use crate::annotations;
use crate::hook;
use crate::ledger::{Exit, Ledger};
use crate::observed::{ContainerObservation, Observed, STATUS_UNKNOWN};
use crate::roles::{self, PodContainer, Role};
use crate::rules::{self, Verdict};
use crate::timeline::{Entry, Happened};

pub(super) struct Pass<'a> {
    pub desired: &'a Desired<'a>,
    pub observed: &'a Observed,
    pub containers: Vec<PodContainer<'a>>,
    pub now: Timestamp,
    pub ledger: Ledger,
    pub actions: Vec<Action>,
    pub entries: Vec<Entry>,
    pub wake_at: Option<Timestamp>,
    /// The step under way was recorded in this pass: it is reported once before it can be over (semantics section 3.1).
    pub step_is_new: bool,
    /// Containers whose exit was noted in this pass and that have to wait before they run again.
    pub backoffs: Vec<(String, Timestamp)>,
}

impl<'a> Pass<'a> {
    pub fn new(desired: &'a Desired<'a>, observed: &'a Observed, ledger: Ledger, now: Timestamp) -> Self {
        Self {
            desired,
            observed,
            containers: roles::containers(desired.pod),
            now,
            ledger,
            actions: Vec::new(),
            entries: Vec::new(),
            wake_at: None,
            step_is_new: false,
            backoffs: Vec::new(),
        }
    }

    /// The first pass of a Pod: a restart that was asked for before it began is not owed.
    pub fn admit(&mut self) {
        if self.ledger.started_at.is_none() {
            self.ledger.started_at = Some(self.now);
            self.ledger.restart_at_handled = self.restart_requested_at();
            self.note(self.now, Happened::PodAdmitted);
        }
    }

    pub fn spec(&self) -> Option<&'a PodSpec> {
        self.desired.pod.spec.as_ref()
    }

    pub fn note(&mut self, time: Timestamp, happened: Happened) {
        self.entries.push(Entry { time, epoch: self.ledger.epoch, happened });
    }

    /// Asks to be called again at `at`, if not earlier.
    pub fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |t| t.min(at)));
    }

    /// SIGTERM now and SIGKILL at `deadline`; without one, or when it has passed, SIGKILL at once.
    pub fn kill(&mut self, c: &ContainerObservation, deadline: Option<Timestamp>) {
        let deadline = deadline.filter(|at| *at > self.now);
        if let Some(at) = deadline {
            self.wake(at);
        }
        self.push_kill(c, deadline, false);
    }

    /// The same with the preStop hook first, if there is one. The hook may take until `deadline`.
    pub fn end(&mut self, c: &ContainerObservation, deadline: Timestamp) {
        let pre_stop = self.containers.iter().any(|known| known.name() == c.name && hook::has_pre_stop(known.spec));
        if !pre_stop {
            return self.kill(c, Some(deadline));
        }
        // Longer by what the hook may have left too little of: who kills when asked to does not do so too early.
        let last = deadline.saturating_add(action::TERM_AT_LEAST).unwrap_or(deadline);
        if self.now >= last {
            return self.kill(c, None);
        }
        self.wake(last);
        self.push_kill(c, Some(deadline), true);
    }

    fn push_kill(&mut self, c: &ContainerObservation, deadline: Option<Timestamp>, pre_stop: bool) {
        self.actions.push(Action::KillContainer { container: c.name.clone(), id: c.id.clone(), deadline, pre_stop });
    }

    pub fn remove(&mut self, c: &ContainerObservation) {
        self.actions.push(Action::RemoveContainer { container: c.name.clone(), id: c.id.clone() });
    }

    pub fn in_flight(&self, name: &str) -> bool {
        self.observed.in_flight.contains(name)
    }

    /// What an exit of `container` asks for. Of an exit that nobody saw the code is made up, so no rule is asked; an init
    /// container, which must bear to be run again, is run again instead of failing the Pod for it.
    pub fn verdict(&self, container: &PodContainer<'_>, exit: &Exit) -> Verdict {
        match (exit.reason == STATUS_UNKNOWN, container.role) {
            (false, _) => rules::judge(container, exit.exit_code, &self.desired.gates),
            (true, Role::Init) => Verdict::RestartContainer { rule: None },
            (true, Role::Sidecar | Role::Regular) => rules::by_policy(container.policy, exit.exit_code),
        }
    }

    pub fn exit_of(&self, name: &str) -> Option<&Exit> {
        self.ledger.containers.get(name).and_then(|r| r.exit())
    }

    /// When SIGKILL is due for a Pod that is being deleted.
    pub fn deletion_deadline(&self) -> Option<Timestamp> {
        self.desired.pod.metadata.deletion_timestamp.as_ref().map(|t| t.0)
    }

    pub fn termination_grace(&self) -> SignedDuration {
        let seconds = self.spec().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
        SignedDuration::from_secs(seconds.max(0))
    }

    /// The annotation's value; a malformed one was rejected at admission and counts as none here.
    pub fn restart_requested_at(&self) -> Option<Timestamp> {
        annotations::restart_at(self.desired.pod).ok().flatten()
    }
}
