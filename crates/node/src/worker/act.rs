//! Carries out a plan's actions, each in a task of its own, those under way left alone.

use std::time::Instant;

use jiff::Timestamp;
use reprise_core::action::{Action, TERM_AT_LEAST};

use super::Worker;
use super::flights::FlightKey;
use super::mail::{Mail, Outcome};
use super::tasks::{self, Creation, Job};
use crate::container::find;
use crate::events;
use crate::health::pre_stop::Standing;
use crate::publisher::{News, NodeEvent};

impl Worker {
    pub(super) fn act(&mut self, actions: &[Action]) {
        let now = Instant::now();
        for action in actions {
            if !self.waits_for_hook(action)
                && let Some(serial) = self.flights.begin(action, now)
            {
                self.carry_out(action, serial);
            }
        }
    }

    fn carry_out(&mut self, action: &Action, serial: u64) {
        let key = FlightKey::of(action);
        let job = self.job();
        match action.clone() {
            Action::AllocateDevices => self.fly(key, serial, tasks::allocate_devices(job)),
            Action::CreateSandbox { attempt } => self.fly(key, serial, tasks::create_sandbox(job, attempt)),
            Action::EnsureImage { container, attempt } => {
                let Ok(found) = find::container(&self.pod, &container) else { return };
                let image = found.spec.image.clone().unwrap_or_default();
                let policy = found.spec.image_pull_policy.clone();
                self.fly(key, serial, tasks::ensure_image(job, container, attempt, image, policy));
            }
            Action::CreateContainer { container, sandbox, epoch, attempt, image } => {
                let Some(creation) = self.creation(container, &sandbox, epoch, attempt, &image) else {
                    // What it builds on is gone; the next plan sees that.
                    return self.flights.fail(&key, serial, Instant::now());
                };
                self.fly(key, serial, tasks::create_container(job, creation));
            }
            Action::StartContainer { id, .. } => self.fly(key, serial, tasks::start_container(job, id)),
            Action::KillContainer { container, id, deadline, .. } => {
                let hook = self.pre_stops.standing(&id);
                if hook == Standing::NotRun {
                    self.tell_killing(&container);
                }
                let grace = grace_seconds(deadline, Timestamp::now(), hook != Standing::NotRun);
                self.fly(key, serial, tasks::kill_container(job, id, grace));
            }
            Action::RunPostStart { container, id } => match self.post_start(&container, &id) {
                Some(work) => self.fly(key, serial, work),
                // The container is not in the spec any more.
                None => self.flights.end(&key, serial),
            },
            Action::RemoveContainer { id, .. } => self.fly(key, serial, tasks::remove_container(job, id)),
            Action::RemoveSandbox { id } => self.fly(key, serial, tasks::remove_sandbox(job, id)),
        }
    }

    fn creation(
        &self,
        container: String,
        sandbox: &str,
        epoch: Option<u64>,
        attempt: u32,
        image: &str,
    ) -> Option<Creation> {
        let target = find::container(&self.pod, &container).ok().and_then(|f| f.target);
        let target_id = target.and_then(|name| self.sight.running(name)).map(|c| c.id.clone());
        Some(Creation {
            sandbox: self.sight.sandbox(sandbox)?.clone(),
            image: self.resolved.get(image)?.clone(),
            qos: self.status.qos_class.clone().unwrap_or_default(),
            container,
            epoch,
            attempt,
            target_id,
        })
    }

    pub(super) fn job(&self) -> Job {
        Job {
            shared: self.shared.clone(),
            pod: self.pod.clone(),
            paths: self.paths.clone(),
            volumes: self.volumes.clone(),
        }
    }

    pub(super) fn tell_event(&self, event: events::PodEvent) {
        self.tell(News::Event(event));
    }

    pub(super) fn tell(&self, news: News) {
        self.shared.publisher.tell(&self.event(news));
    }

    pub(super) fn event(&self, news: News) -> NodeEvent {
        NodeEvent { pod: self.key.clone(), uid: self.uid.clone(), news }
    }

    /// Starts a task that answers by mail.
    pub(super) fn fly(&mut self, key: FlightKey, serial: u64, work: impl Future<Output = Outcome> + Send + 'static) {
        let (sender, answer_key) = (self.sender.clone(), key.clone());
        let task = tokio::spawn(async move {
            let outcome = work.await;
            tasks::post(&sender, Mail::Done { key: answer_key, serial, outcome });
        });
        self.flights.set_task(&key, serial, task.abort_handle());
    }
}

/// CRI counts whole seconds; the plan overrides the call when the deadline is there. After a preStop hook there is always
/// some time between SIGTERM and SIGKILL.
fn grace_seconds(deadline: Option<Timestamp>, now: Timestamp, after_hook: bool) -> i64 {
    let Some(deadline) = deadline else { return 0 };
    let left = deadline.duration_since(now);
    let seconds = left.as_secs().saturating_add(i64::from(left.subsec_nanos() > 0));
    if after_hook { seconds.max(TERM_AT_LEAST.as_secs()) } else { seconds.max(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_what_its_hook_left_and_never_less_than_the_least() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        assert_eq!(grace_seconds(None, at(0), true), 0);
        assert_eq!(grace_seconds(Some(at(5100)), at(0), false), 6);
        assert_eq!(grace_seconds(Some(at(5100)), at(0), true), 6);
        assert_eq!(grace_seconds(Some(at(500)), at(0), true), 2);
        assert_eq!(grace_seconds(Some(at(0)), at(500), true), 2);
        assert_eq!(grace_seconds(Some(at(0)), at(500), false), 0);
    }
}
