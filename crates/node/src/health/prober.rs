//! One probe of one run: tries it again and again, counts, and tells the worker what it comes to.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Probe;
use reprise_core::probe::{ProbeKind, ProbeTask, ProbeVerdict, Tally, Timing};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::schedule::{Moment, first_wait};
use super::tried::Tried;
use super::words::USER_AGENT;
use super::{Subject, exec, grpc, http, target, tcp};
use crate::events;
use crate::worker::mail::Mail;

/// A probe of a run.
#[derive(Debug)]
pub(crate) struct Prober {
    subject: Subject,
    kind: ProbeKind,
    started_at: Timestamp,
    probe: Probe,
    mailbox: mpsc::UnboundedSender<Mail>,
}

impl Prober {
    /// None if the container has no such probe.
    pub(crate) fn new(subject: Subject, task: &ProbeTask, mailbox: mpsc::UnboundedSender<Mail>) -> Option<Self> {
        let probe = task.kind.of(&*subject.spec()?)?.clone();
        Some(Self { subject, kind: task.kind, started_at: task.started_at, probe, mailbox })
    }

    /// Goes on until its task is aborted. Tries that came due while another took long are not made up.
    pub(crate) async fn run(self) {
        let timing = Timing::of(&self.probe);
        let (now, agent_started_at) = (Timestamp::now(), self.subject.shared.started_at);
        let moment = Moment { now, started_at: self.started_at, agent_started_at };
        tokio::time::sleep(first_wait(moment, &timing, fastrand::f64())).await;
        let mut ticks = tokio::time::interval(Duration::try_from(timing.period).unwrap_or(Duration::from_secs(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut tally, mut told) = (Tally::default(), None);
        loop {
            ticks.tick().await;
            let tried = self.attempt(Duration::try_from(timing.timeout).unwrap_or(Duration::from_secs(1))).await;
            self.tell_event(&tried);
            let verdict = tried.passed().and_then(|passed| tally.count(passed, &timing));
            if let Some(passes) = verdict.filter(|_| verdict != told) {
                told = verdict;
                self.tell_verdict(passes, tried);
            }
        }
    }

    async fn attempt(&self, limit: Duration) -> Tried {
        let (subject, probe) = (&self.subject, &self.probe);
        if let Some(action) = &probe.exec {
            return exec::probe(subject, action, limit).await;
        }
        if let Some(action) = &probe.http_get {
            return match subject.get(action, USER_AGENT) {
                Ok(get) => http::probe(subject.shared.probes.inner(), get, limit).await,
                Err(why) => Tried::Errored(why),
            };
        }
        if let Some(action) = &probe.tcp_socket {
            return match subject.port(&action.port) {
                Ok(port) => tcp::probe(subject.host(action.host.as_deref()), port, limit).await,
                Err(why) => Tried::Errored(why),
            };
        }
        let Some(action) = &probe.grpc else { return Tried::Errored("missing probe handler".to_owned()) };
        match target::numbered(action.port) {
            Ok(port) => {
                let service = action.service.as_deref().unwrap_or_default();
                grpc::probe(&subject.address, port, service, limit).await
            }
            Err(why) => Tried::Errored(why),
        }
    }

    fn tell_event(&self, tried: &Tried) {
        let (kind, subject) = (self.kind.name(), &self.subject);
        let (reason, message) = match tried {
            Tried::Passed => return,
            Tried::Warned(why) => ("ProbeWarning", format!("{kind} probe warning: {why}")),
            Tried::Failed(why) => ("Unhealthy", format!("{kind} probe failed: {why}")),
            Tried::Errored(why) => ("Unhealthy", format!("{kind} probe errored and resulted in unknown state: {why}")),
        };
        let event = events::warning(&subject.pod, &subject.container, reason, message);
        subject.shared.publisher.tell_event(&subject.pod, event);
    }

    fn tell_verdict(&self, passes: bool, tried: Tried) {
        let message = match tried {
            Tried::Failed(why) => why,
            Tried::Passed | Tried::Warned(_) | Tried::Errored(_) => String::new(),
        };
        let verdict = ProbeVerdict { passes, message };
        let mail = Mail::Probed { id: self.subject.id.clone(), kind: self.kind, verdict };
        if self.mailbox.send(mail).is_err() {
            tracing::debug!("a verdict for a worker that has ended");
        }
    }
}
