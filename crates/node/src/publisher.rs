//! Tells the world about Pods: to subscribers at once and in full, to `status.json` the newest only.
//!
//! Subscribers have a channel of their own without bounds, so nothing but Kubernetes Events is merged away (a restart's
//! `True` condition reaches each of them, however short it was) and a slow one holds up nobody. Files are written by a task of their
//! own, so a slow disk holds up no worker.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use reprise_core::plan::Stage;
use reprise_core::step::StepRecord;
use reprise_core::timeline::Entry;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::correlator::Correlator;
use crate::events::PodEvent;
use crate::metrics::Metrics;
use crate::pod_key::{PodKey, uid_of};
use crate::record::replace::{Durability, replace};

/// Something about one Pod.
#[derive(Debug, Clone)]
pub struct NodeEvent {
    /// The Pod.
    pub pod: PodKey,
    /// Its UID.
    pub uid: String,
    /// What.
    pub news: News,
}

/// What there is to tell about a Pod.
#[derive(Debug, Clone)]
pub enum News {
    /// Something happened.
    Entry(Entry),
    /// The status changed.
    Status {
        /// All of it.
        status: Box<PodStatus>,
        /// Where the Pod stands. `Gone` is the last word about a Pod, said when nothing of it is left.
        stage: Stage,
        /// The Pod's epoch.
        epoch: u64,
    },
    /// A restart is complete.
    Step(StepRecord),
    /// A Kubernetes Event.
    Event(PodEvent),
    /// A Kubernetes Event about the node itself: `pod` and `uid` are then its name, without a namespace.
    NodeEvent(PodEvent),
}

/// Hands out news. Clones share the subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    subscribers: Arc<Mutex<Vec<mpsc::UnboundedSender<NodeEvent>>>>,
    files: mpsc::UnboundedSender<FileOrder>,
    metrics: Arc<Metrics>,
    correlator: Arc<Mutex<Correlator>>,
}

#[derive(Debug)]
enum FileOrder {
    Write {
        path: PathBuf,
        status: Box<PodStatus>,
    },
    /// Answered once everything asked for before is written.
    Settle(oneshot::Sender<()>),
}

impl Publisher {
    /// Starts the task that writes files; it ends when the last clone is gone.
    pub(crate) fn start(metrics: Arc<Metrics>) -> (Self, JoinHandle<()>) {
        let (files, orders) = mpsc::unbounded_channel();
        let task = tokio::spawn(write_files(orders));
        (Self { subscribers: Arc::default(), files, metrics, correlator: Arc::default() }, task)
    }

    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<NodeEvent> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    pub(crate) fn tell(&self, event: &NodeEvent) {
        self.metrics.take(event);
        let Some(event) = self.correlated(event) else { return };
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is gone does not come back.
        subscribers.retain(|s| s.send(NodeEvent::clone(&event)).is_ok());
    }

    /// The news as it is to be told. Of Kubernetes Events that is not each one.
    fn correlated<'a>(&self, event: &'a NodeEvent) -> Option<Cow<'a, NodeEvent>> {
        let correlator = || self.correlator.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.news {
            News::Event(about) => {
                let news = News::Event(correlator().take(&event.uid, about.clone())?);
                return Some(Cow::Owned(NodeEvent { news, pod: event.pod.clone(), uid: event.uid.clone() }));
            }
            News::NodeEvent(about) => {
                let news = News::NodeEvent(correlator().take(&event.uid, about.clone())?);
                return Some(Cow::Owned(NodeEvent { news, pod: event.pod.clone(), uid: event.uid.clone() }));
            }
            News::Status { stage: Stage::Gone, .. } => correlator().forget(&event.uid),
            News::Status { .. } | News::Entry(_) | News::Step(_) => {}
        }
        Some(Cow::Borrowed(event))
    }

    /// A Kubernetes Event about `pod`, from outside of its worker.
    pub(crate) fn tell_event(&self, pod: &Pod, event: PodEvent) {
        let (key, uid) = (PodKey::of(pod), uid_of(pod).to_owned());
        self.tell(&NodeEvent { pod: key, uid, news: News::Event(event) });
    }

    /// A Kubernetes Event about the node itself.
    pub(crate) fn tell_node_event(&self, node: &str, event: PodEvent) {
        let pod = PodKey { namespace: String::new(), name: node.to_owned() };
        self.tell(&NodeEvent { pod, uid: node.to_owned(), news: News::NodeEvent(event) });
    }

    pub(crate) fn write_status(&self, path: PathBuf, status: &PodStatus) {
        if self.files.send(FileOrder::Write { path, status: Box::new(status.clone()) }).is_err() {
            tracing::error!("the task that writes status files has ended");
        }
    }

    /// Waits until everything asked for is written.
    pub(crate) async fn settle(&self) {
        let (done, waiting) = oneshot::channel();
        if self.files.send(FileOrder::Settle(done)).is_ok() && waiting.await.is_err() {
            tracing::error!("the task that writes status files has ended");
        }
    }
}

/// Takes all orders that are there and writes the newest status of each Pod.
async fn write_files(mut orders: mpsc::UnboundedReceiver<FileOrder>) {
    while let Some(first) = orders.recv().await {
        let (mut newest, mut settled) = (HashMap::new(), Vec::new());
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                FileOrder::Write { path, status } => {
                    newest.insert(path, status);
                }
                FileOrder::Settle(done) => settled.push(done),
            }
            next = orders.try_recv().ok();
        }
        let written = tokio::task::spawn_blocking(move || newest.into_iter().for_each(|(p, s)| write(&p, &s))).await;
        if let Err(error) = written {
            tracing::error!(%error, "status files could not be written");
        }
        for done in settled {
            if done.send(()).is_err() {
                tracing::debug!("nobody waits for the status files any more");
            }
        }
    }
}

fn write(path: &std::path::Path, status: &PodStatus) {
    let written = serde_json::to_vec(status)
        .map_err(std::io::Error::from)
        .and_then(|content| replace(path, &content, Durability::Process));
    if let Err(error) = written {
        tracing::warn!(%error, path = %path.display(), "the status file can't be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_has_the_newest_status_and_subscribers_get_every_event() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.json");
        let (publisher, _task) = Publisher::start(Arc::default());
        let mut events = publisher.subscribe();
        for epoch in 0..20 {
            let status = PodStatus { message: Some(epoch.to_string()), ..PodStatus::default() };
            publisher.write_status(path.clone(), &status);
            let news = News::Status { status: Box::new(status), stage: Stage::Live, epoch };
            let pod = "n/p".parse().unwrap();
            publisher.tell(&NodeEvent { pod, uid: "u".to_owned(), news });
        }
        publisher.settle().await;
        let status: PodStatus = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(status.message.as_deref(), Some("19"));
        for expected in 0..20 {
            let event = events.recv().await.unwrap();
            assert!(matches!(event.news, News::Status { epoch, .. } if epoch == expected));
        }
    }
}
