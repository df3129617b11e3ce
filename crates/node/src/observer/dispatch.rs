//! Brings news to the worker that it concerns, by the Pod's UID.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reprise_cri::v1::ContainerEventResponse;
use tokio::sync::mpsc;

use crate::runtime_calls::{Listing, reading};
use crate::worker::mail::{Listed, Mail};

type Mailbox = mpsc::UnboundedSender<Mail>;

/// The workers' mailboxes by UID. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    mailboxes: Arc<Mutex<HashMap<String, Mailbox>>>,
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

    /// Every worker gets its part, be it empty.
    pub(super) fn listing(&self, asked_at: Instant, all: Listing) {
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
        for (uid, part) in parts {
            if let Some(mailbox) = mailboxes.get(uid) {
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
