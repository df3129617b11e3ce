//! Brings news to the worker that it concerns, by the Pod's UID.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reprise_cri::v1::{Container, ContainerEventResponse};
use tokio::sync::mpsc;

use crate::runtime_calls::{Listing, reading};
use crate::worker::mail::{Listed, Mail};

type Mailbox = mpsc::UnboundedSender<Mail>;

/// The workers' mailboxes by UID. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    mailboxes: Arc<Mutex<HashMap<String, Mailbox>>>,
}

/// Who is told of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Every worker.
    Everybody,
    /// Those whose part of it is another than the last time.
    Concerned,
}

/// What a listing shows of one Pod: ids and states.
type Shown = Vec<(String, i32)>;

/// The newest listing, Pod by Pod.
#[derive(Debug, Default)]
pub(super) struct LastListing {
    shown: HashMap<String, Shown>,
}

impl LastListing {
    /// Takes in a Pod's part. True if it is another than before.
    fn changes(&mut self, uid: &str, part: &Listed) -> bool {
        let sandboxes = part.sandboxes.iter().map(|s| (s.id.clone(), s.state));
        let mut shown: Shown = sandboxes.chain(part.containers.iter().map(|c| (c.id.clone(), c.state))).collect();
        shown.sort_unstable();
        let before = self.shown.insert(uid.to_owned(), shown);
        before.as_ref() != self.shown.get(uid)
    }
}

impl Directory {
    pub(crate) fn add(&self, uid: &str, mailbox: Mailbox) {
        self.lock().insert(uid.to_owned(), mailbox);
    }

    pub(crate) fn remove(&self, uid: &str) {
        self.lock().remove(uid);
    }

    pub(super) fn event(&self, event: ContainerEventResponse) {
        let mailboxes = self.lock();
        match uid_of(&event) {
            Some(uid) => {
                if let Some(mailbox) = mailboxes.get(&uid) {
                    send(mailbox, Mail::Event(Box::new(event)));
                }
            }
            // Some removals name nothing but the id: whoever knows it takes it.
            None => mailboxes.values().for_each(|m| send(m, Mail::Event(Box::new(event.clone())))),
        }
    }

    /// Whether the container is one of a Pod here.
    pub(super) fn has(&self, container: &Container) -> bool {
        reading::uid(&container.labels).is_some_and(|uid| self.lock().contains_key(uid))
    }

    /// Workers get their parts, be they empty.
    pub(super) fn listing(&self, asked_at: Instant, all: Listing, last: &mut LastListing, told: Told) {
        let mailboxes = self.lock();
        let mut parts: HashMap<&str, Listed> = mailboxes
            .keys()
            .map(|uid| (uid.as_str(), Listed { asked_at, sandboxes: Vec::new(), containers: Vec::new() }))
            .collect();
        for sandbox in all.sandboxes {
            if let Some(part) = reading::uid(&sandbox.labels).and_then(|uid| parts.get_mut(uid)) {
                part.sandboxes.push(sandbox);
            }
        }
        for container in all.containers {
            if let Some(part) = reading::uid(&container.labels).and_then(|uid| parts.get_mut(uid)) {
                part.containers.push(container);
            }
        }
        last.shown.retain(|uid, _| mailboxes.contains_key(uid));
        for (uid, part) in parts {
            let changed = last.changes(uid, &part);
            if let Some(mailbox) = mailboxes.get(uid).filter(|_| changed || told == Told::Everybody) {
                send(mailbox, Mail::Listed(part));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Mailbox>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn uid_of(event: &ContainerEventResponse) -> Option<String> {
    let of_sandbox = event.pod_sandbox_status.as_ref().and_then(|s| s.metadata.as_ref()).map(|m| m.uid.clone());
    let of_container = || event.containers_statuses.iter().find_map(|s| reading::uid(&s.labels)).map(str::to_owned);
    of_sandbox.filter(|uid| !uid.is_empty()).or_else(of_container)
}

fn send(mailbox: &Mailbox, mail: Mail) {
    if mailbox.send(mail).is_err() {
        tracing::debug!("news for a worker that has ended");
    }
}
