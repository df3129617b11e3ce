//! One pass: plan, ledger, actions, timeline, news, in that order.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reprise_core::ledger::Ledger;
use reprise_core::observed::Observed;
use reprise_core::plan::{Desired, Plan, Stage, plan};
use reprise_core::step::StepRecord;
use reprise_core::timeline::Entry;

use super::Worker;
use super::weight::needs_disk;
use crate::error::{NodeError, chain};
use crate::publisher::News;
use crate::record::ledger_file;
use crate::{events, fault};

/// How long a ledger change that can wait does wait.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// How long to wait after the node's own disk failed.
const DISK_PAUSE: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) async fn pass(&mut self) {
        self.retry_at = None;
        let plan = self.plan();
        if plan.ledger.step.is_some() {
            fault::arm();
        }
        if let Err(error) = self.remember(&plan).await {
            // Nothing is done that is not recorded: the same plan comes out again later.
            tracing::error!(pod = %self.key, error = %chain(&error), "the ledger can't be written: the pod waits");
            self.retry_at = Some(Instant::now() + DISK_PAUSE);
            return;
        }
        self.wake_at = plan.wake_at;
        // What the API has not been told yet must outlive the agent.
        let stage = if plan.stage == Stage::Gone && self.held { Stage::Ended } else { plan.stage };
        let status_changed = plan.status != self.status || stage != self.stage;
        self.status = plan.status;
        self.stage = stage;
        self.act(&plan.actions);
        if self.stage != Stage::Live {
            self.stop_measuring();
            self.release().await;
            self.release_devices();
        }
        let mut entries = std::mem::take(&mut self.own_entries);
        entries.extend(plan.entries);
        let mut news = self.of_entries(entries);
        news.extend(self.complete_step());
        if status_changed {
            news.extend(self.of_status());
        }
        // Who hears of something and then looks must see it.
        self.update_view();
        news.into_iter().for_each(|n| self.tell(n));
        self.probe(&plan.probes);
    }

    fn plan(&self) -> Plan {
        let config = &self.shared.config;
        let desired =
            Desired { pod: &self.pod, gates: config.gates, limits: config.limits, host_ip: config.host_ip.as_deref() };
        let observed = Observed {
            sandboxes: self.sight.sandboxes(),
            containers: self.sight.containers(),
            in_flight: self.flights.making(),
            sandbox_in_flight: self.flights.making_sandbox(),
            images: self.images.clone(),
            container_failures: self.container_failures.clone(),
            sandbox_failure: self.sandbox_failure.clone(),
            probes: self.verdicts.clone(),
            post_start: self.post_start.clone(),
            storage: self.storage.clone(),
            devices: self.shared.devices.observe(&self.uid, self.devices_refused.clone()),
        };
        plan(&desired, &observed, &self.ledger, Timestamp::now())
    }

    async fn remember(&mut self, plan: &Plan) -> Result<(), NodeError> {
        if plan.ledger == self.ledger {
            return Ok(());
        }
        let superseded = self.ledger.last_step.clone();
        if let Some(step) = superseded.filter(|s| plan.ledger.last_step.as_ref().is_some_and(|n| n.epoch != s.epoch)) {
            let news = self.record_step(step);
            news.into_iter().for_each(|n| self.tell(n));
        }
        if needs_disk(&self.ledger, &plan.ledger) {
            self.write_ledger(plan.ledger.clone()).await?;
            self.flush_at = None;
        } else {
            self.flush_at.get_or_insert_with(|| Instant::now() + FLUSH_AFTER);
        }
        self.ledger.clone_from(&plan.ledger);
        Ok(())
    }

    /// Writes what could wait.
    pub(super) async fn flush(&mut self) {
        self.flush_at = None;
        if let Err(error) = self.write_ledger(self.ledger.clone()).await {
            tracing::error!(pod = %self.key, error = %chain(&error), "the ledger can't be written");
            self.flush_at = Some(Instant::now() + DISK_PAUSE);
        }
    }

    async fn write_ledger(&self, ledger: Ledger) -> Result<(), NodeError> {
        let path = self.paths.ledger_file();
        let written = tokio::task::spawn_blocking(move || ledger_file::write(&path, &ledger)).await;
        written.unwrap_or_else(|panic| {
            let path = self.paths.ledger_file();
            Err(NodeError::File { operation: "write", path, source: panic.into() })
        })
    }

    fn of_entries(&mut self, entries: Vec<Entry>) -> Vec<News> {
        if let Err(error) = self.timeline.add_entries(&entries) {
            tracing::warn!(pod = %self.key, %error, "the timeline can't be written");
        }
        let told = |entry: Entry| {
            tracing::info!(pod = %self.key, epoch = entry.epoch, event = entry.happened.name(), "pod");
            self.shared.metrics.entry(&self.pod, &entry);
            let event = events::of_entry(&self.pod, &entry).map(News::Event);
            std::iter::once(News::Entry(entry)).chain(event)
        };
        entries.into_iter().flat_map(told).collect()
    }

    /// Records the newest restart once it is complete.
    fn complete_step(&mut self) -> Option<News> {
        let over = self.stage != Stage::Live || self.ledger.ending.is_some();
        let step = self.ledger.last_step.clone().filter(|s| over || s.ready_at.is_some())?;
        self.record_step(step)
    }

    fn record_step(&mut self, step: StepRecord) -> Option<News> {
        match self.timeline.add_step(&step) {
            Ok(new) => new.then_some(News::Step(step)),
            Err(error) => {
                tracing::warn!(pod = %self.key, %error, "the timeline can't be written");
                None
            }
        }
    }

    /// That nothing is left of a Pod is said when it is so, not here.
    fn of_status(&self) -> Option<News> {
        if self.stage == Stage::Gone {
            return None;
        }
        self.shared.publisher.write_status(self.paths.status_file(), &self.status);
        Some(self.stage_news())
    }

    pub(super) fn stage_news(&self) -> News {
        News::Status { status: Box::new(self.status.clone()), stage: self.stage, epoch: self.ledger.epoch }
    }

    pub(super) fn update_view(&self) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.pod.clone_from(&self.pod);
        view.status.clone_from(&self.status);
        view.ledger.clone_from(&self.ledger);
        view.stage = self.stage;
        if view.steps.last() != self.timeline.steps().last() {
            view.steps = self.timeline.steps().to_vec();
        }
    }

    /// Removes the Pod's cgroup and what it has on disk. True when nothing is left.
    pub(super) async fn tear_down(&mut self) -> bool {
        self.flights.abort_all();
        self.shared.publisher.settle().await;
        let (shared, pod, work) = (self.shared.clone(), self.pod.clone(), self.volumes.clone());
        let removed = tokio::task::spawn_blocking(move || {
            // The folder last: it says that there may be more.
            shared.cgroups.remove(&pod).map_err(|error| chain(&error))?;
            work.tear_down().map_err(|error| chain(&error))
        });
        match removed.await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => self.tear_down_later(&error),
            Err(error) => self.tear_down_later(&error.to_string()),
        }
    }

    fn tear_down_later(&mut self, error: &str) -> bool {
        tracing::error!(pod = %self.key, error, "what is left of the pod can't be removed, trying again");
        self.retry_at = Some(Instant::now() + DISK_PAUSE);
        false
    }
}
