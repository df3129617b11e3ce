//! What happened to containers and sandboxes: noted, and told to listeners, in one order for all.
//!
//! Each change is made and told under one lock, so that nobody hears of an end before its start, and the statuses in an
//! event are those of its moment.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use reprise_cri::v1::{ContainerEventResponse, ContainerEventType};
use tokio::sync::broadcast;

use super::answer;
use super::engine::{Engine, now};
use super::state::{Container, Sandbox};
use crate::shim::protocol::Exit;

/// Events that a slow listener may fall behind. Who loses some is told so by the end of the stream, and lists again.
const EVENTS: usize = 4096;

/// How many ends of containers that are not known yet are kept.
const EARLY: usize = 256;

/// The listeners, and the order of what they hear.
pub struct News {
    /// Held while something is noted and told. Inside: ends of containers whose creation is not answered yet.
    order: std::sync::Mutex<VecDeque<(String, Exit)>>,
    events: broadcast::Sender<ContainerEventResponse>,
}

impl Default for News {
    fn default() -> Self {
        Self { order: Default::default(), events: broadcast::channel(EVENTS).0 }
    }
}

impl Engine {
    pub fn listen(&self) -> broadcast::Receiver<ContainerEventResponse> {
        self.news.events.subscribe()
    }

    /// A sandbox is there and ready.
    pub fn sandbox_ready(&self, sandbox: &Arc<Sandbox>) {
        let _order = self.order();
        self.inventory.add_sandbox(Arc::clone(sandbox));
        self.tell(&sandbox.id, ContainerEventType::ContainerCreatedEvent, sandbox);
        self.tell(&sandbox.id, ContainerEventType::ContainerStartedEvent, sandbox);
    }

    /// A sandbox is not ready any more, on purpose or not. Told once.
    pub fn sandbox_stopped(&self, sandbox: &Sandbox) {
        let _order = self.order();
        if sandbox.tell_stop_once() {
            self.tell(&sandbox.id, ContainerEventType::ContainerStoppedEvent, sandbox);
        }
    }

    /// A sandbox is gone with all it had.
    pub fn sandbox_removed(&self, sandbox: &Sandbox) {
        let _order = self.order();
        if sandbox.tell_stop_once() {
            self.tell(&sandbox.id, ContainerEventType::ContainerStoppedEvent, sandbox);
        }
        self.inventory.remove_sandbox(&sandbox.id);
        self.tell(&sandbox.id, ContainerEventType::ContainerDeletedEvent, sandbox);
    }

    pub fn created(&self, container: &Arc<Container>) {
        let mut early = self.order();
        self.inventory.add_container(Arc::clone(container));
        self.tell(&container.id, ContainerEventType::ContainerCreatedEvent, &container.sandbox);
        if let Some(at) = early.iter().position(|(id, _)| *id == container.id)
            && let Some((_, exit)) = early.remove(at)
        {
            self.note_end(container, exit);
        }
    }

    /// A shim says that a container has ended.
    pub fn exited(&self, id: &str, exit: Exit) {
        let mut early = self.order();
        match self.inventory.known_container(id) {
            Some(container) => self.note_end(&container, exit),
            None if self.forget_parked(id) => {}
            None => {
                early.push_back((id.to_owned(), exit));
                let surplus = early.len().saturating_sub(EARLY);
                early.drain(..surplus);
            }
        }
    }

    pub fn started(&self, container: &Container, at: Timestamp) {
        let _order = self.order();
        self.note_start(container, at);
    }

    /// Notes the end. Of a program that ended at once its start may not have been heard of yet: that is told first.
    pub fn ended(&self, container: &Container, exit: Exit) {
        let _order = self.order();
        self.note_end(container, exit);
    }

    fn note_end(&self, container: &Container, exit: Exit) {
        if let Some(at) = exit.started_at {
            self.note_start(container, at);
        }
        if container.ended(exit) {
            self.tell(&container.id, ContainerEventType::ContainerStoppedEvent, &container.sandbox);
        }
    }

    pub fn removed(&self, container: &Container) {
        let _order = self.order();
        self.inventory.remove_container(&container.id);
        self.tell(&container.id, ContainerEventType::ContainerDeletedEvent, &container.sandbox);
    }

    fn note_start(&self, container: &Container, at: Timestamp) {
        if container.started(at) {
            self.tell(&container.id, ContainerEventType::ContainerStartedEvent, &container.sandbox);
        }
    }

    fn order(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, Exit)>> {
        self.news.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells listeners what happened to a container, or to a sandbox under its own id.
    fn tell(&self, id: &str, kind: ContainerEventType, sandbox: &Sandbox) {
        if self.news.events.receiver_count() == 0 {
            return;
        }
        let containers = self.inventory.containers_of(&sandbox.id);
        // The last listener may have gone meanwhile.
        let _ = self.news.events.send(ContainerEventResponse {
            container_id: id.to_owned(),
            container_event_type: kind.into(),
            created_at: now(),
            pod_sandbox_status: Some(answer::sandbox_status(sandbox)),
            containers_statuses: containers.iter().map(|c| answer::container_status(c)).collect(),
        });
    }
}
