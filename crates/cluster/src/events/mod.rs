//! Brings Kubernetes Events to the API: a new one is created, one that happens again is counted up. There is an end to how many
//! wait and how fast they are sent, so that a Pod which fails in a circle floods nobody; nobody waits for them.

mod known;
mod object;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use reprise_node::{PodEvent, PodKey};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call};
use crate::context::Context;
use crate::options::EventRate;
use known::Known;

/// How many may wait. The oldest of more are dropped.
const MOST: usize = 1000;

/// Something to tell.
#[derive(Debug)]
pub(crate) enum Happened {
    /// To a Pod.
    ToPod { pod: PodKey, uid: String, event: PodEvent },
    /// To the node.
    ToNode { event: PodEvent },
}

/// Where events go in, and where they come out.
pub(crate) fn queue() -> (mpsc::UnboundedSender<Happened>, mpsc::UnboundedReceiver<Happened>) {
    mpsc::unbounded_channel()
}

/// Sends for as long as the node is a member.
pub(crate) async fn send(context: Arc<Context>, happened: mpsc::UnboundedReceiver<Happened>) {
    let rate = Rate::full(context.options.events);
    Sender {
        context,
        happened,
        waiting: VecDeque::new(),
        known: Known::default(),
        rate,
        backoff: Backoff::of_calls(),
        trouble: Trouble::new("events can't be sent"),
    }
    .run()
    .await;
}

struct Sender {
    context: Arc<Context>,
    happened: mpsc::UnboundedReceiver<Happened>,
    waiting: VecDeque<Happened>,
    known: Known,
    rate: Rate,
    backoff: Backoff,
    trouble: Trouble,
}

impl Sender {
    async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                match self.happened.recv().await {
                    Some(first) => self.waiting.push_back(first),
                    None => return,
                }
            }
            self.take_all();
            tokio::time::sleep(self.rate.wait()).await;
            let Some(first) = self.waiting.front() else { continue };
            match deliver(&self.context, &mut self.known, first).await {
                Err(error) if error.is_passing() => {
                    self.trouble.tell(&error);
                    tokio::time::sleep(self.backoff.pause()).await;
                    continue;
                }
                // The namespace is gone, or the API does not want it: trying again would not help.
                Err(error) => tracing::debug!(%error, "an event is not taken"),
                Ok(()) => {
                    self.trouble.over();
                    self.backoff.reset();
                }
            }
            self.waiting.pop_front();
        }
    }

    fn take_all(&mut self) {
        while let Ok(next) = self.happened.try_recv() {
            self.waiting.push_back(next);
        }
        if self.waiting.len() > MOST {
            let too_many = self.waiting.len() - MOST;
            tracing::warn!(too_many, "events are dropped: the API does not take them as fast as they come");
            self.waiting.drain(..too_many);
        }
    }
}

async fn deliver(context: &Context, known: &mut Known, happened: &Happened) -> Result<(), CallError> {
    let address = context.node.config().node_name.as_str();
    let event = object::of(happened, address);
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    let identity = known::identity(&event);
    if let Some(name) = known.name(&identity).map(str::to_owned) {
        let patch = Patch::Strategic(object::repeated(&event));
        match call(api.patch(&name, &PatchParams::default(), &patch)).await {
            Ok(_) => return Ok(()),
            // Its time was over.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    let created = call(api.create(&PostParams::default(), &event)).await;
    match created {
        Ok(created) => known.add(identity, created.metadata.name.unwrap_or_default()),
        Err(error) if error.is_conflict() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// A bucket that fills with time.
struct Rate {
    limit: EventRate,
    left: f64,
    at: Instant,
}

impl Rate {
    fn full(limit: EventRate) -> Self {
        Self { limit, left: limit.burst, at: Instant::now() }
    }

    /// How long to wait before one more.
    fn wait(&mut self) -> Duration {
        let (now, EventRate { per_second, burst }) = (Instant::now(), self.limit);
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() * per_second).min(burst) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.left / per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_events_wait_for_their_turn() {
        let mut rate = Rate::full(EventRate { per_second: 50.0, burst: 100.0 });
        assert!((0..100).all(|_| rate.wait().is_zero()));
        assert_eq!(rate.wait(), Duration::from_millis(20));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(rate.wait().is_zero());
    }
}
