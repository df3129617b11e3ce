//! Keeps the API's copy of one static Pod: what is on the node decides, and whoever changes or deletes the copy changes nothing.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::{DeleteParams, PostParams, Preconditions};
use reprise_core::plan::Stage;
use reprise_core::static_pod::{CONFIG_HASH, CONFIG_MIRROR, Source};
use reprise_node::PodKey;
use tokio::sync::mpsc;

use super::writer::Writer;
use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call};
use crate::context::Context;

/// What the keeper of a mirror Pod is told.
#[derive(Debug)]
pub(super) enum Mail {
    /// The mirror Pod as the API has it.
    FromApi(Box<Pod>),
    /// The mirror Pod with this UID is gone.
    Gone(String),
    /// A full list did not have it.
    NotListed,
    /// What the node says of the static Pod.
    FromNode(Box<PodStatus>, Stage),
    /// Look again: the API is back, or a full list had it.
    Retry,
}

pub(super) struct MirrorKeeper {
    context: Arc<Context>,
    key: PodKey,
    mailbox: mpsc::UnboundedReceiver<Mail>,
    at_api: Option<Box<Pod>>,
    /// Whether it is known that the API has none.
    is_absent: bool,
    writer: Writer,
    backoff: Backoff,
    trouble: Trouble,
}

impl MirrorKeeper {
    pub(super) fn new(context: Arc<Context>, key: PodKey, mailbox: mpsc::UnboundedReceiver<Mail>) -> Self {
        let writer = Writer::new(Arc::clone(&context), key.clone());
        let trouble = Trouble::new("the mirror of a static Pod can't be kept");
        let backoff = Backoff::of_calls();
        Self { context, key, mailbox, at_api: None, is_absent: false, writer, backoff, trouble }
    }

    /// Ends when nobody sends mail any more.
    pub(super) async fn run(mut self) {
        loop {
            let pause = match self.pass().await {
                Ok(()) => {
                    self.backoff.reset();
                    self.trouble.over();
                    None
                }
                Err(error) => {
                    self.trouble.tell(&error);
                    Some(self.backoff.pause())
                }
            };
            let mail = match pause {
                // A receiver loses nothing when it is dropped.
                Some(pause) => tokio::time::timeout(pause, self.mailbox.recv()).await.ok(),
                None => Some(self.mailbox.recv().await),
            };
            match mail {
                Some(Some(mail)) => self.take(mail),
                Some(None) => return,
                None => {}
            }
            while let Ok(mail) = self.mailbox.try_recv() {
                self.take(mail);
            }
        }
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            Mail::FromApi(pod) => {
                self.at_api = Some(pod);
                self.is_absent = false;
            }
            Mail::Gone(uid) => {
                if self.at_api.as_ref().is_none_or(|pod| pod.uid().as_ref() == Some(&uid)) {
                    self.at_api = None;
                    self.is_absent = true;
                }
            }
            Mail::NotListed => {
                self.at_api = None;
                self.is_absent = true;
            }
            Mail::FromNode(status, Stage::Live | Stage::Ended) => self.writer.push(*status),
            Mail::FromNode(_, Stage::Gone) | Mail::Retry => {}
        }
    }

    async fn pass(&mut self) -> Result<(), CallError> {
        let here = self.context.node.pod(&self.key).filter(|view| Source::of(&view.pod).is_some());
        match (here, self.at_api.as_deref().cloned()) {
            (None, None) => {
                self.writer.queue.clear();
                Ok(())
            }
            (None, Some(mirror)) => self.remove(&mirror).await,
            (Some(view), None) if self.is_absent => {
                self.create(&view.pod).await?;
                self.writer.push(view.status);
                self.publish().await
            }
            // Not before the first full list.
            (Some(_), None) => Ok(()),
            (Some(view), Some(mirror)) if is_of(&mirror, &view.pod) => self.publish().await,
            (Some(_), Some(mirror)) => self.remove(&mirror).await,
        }
    }

    async fn create(&mut self, pod: &Pod) -> Result<(), CallError> {
        let Some(mirror) = mirror(pod, &self.context) else { return Ok(()) };
        let created = call(self.context.pods(&self.key.namespace).create(&PostParams::default(), &mirror)).await;
        match created {
            Ok(created) => self.at_api = Some(Box::new(created)),
            // The watch brings it, or who has the name.
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error),
        }
        self.is_absent = false;
        Ok(())
    }

    async fn remove(&mut self, mirror: &Pod) -> Result<(), CallError> {
        let preconditions = Some(Preconditions { uid: mirror.uid(), resource_version: None });
        let parameters = DeleteParams { grace_period_seconds: Some(0), preconditions, ..DeleteParams::default() };
        match call(self.context.pods(&self.key.namespace).delete(&self.key.name, &parameters)).await {
            // That it is gone is said by the watch.
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn publish(&mut self) -> Result<(), CallError> {
        while let Some(mirror) = &mut self.at_api {
            match self.writer.write_one(mirror).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is_not_found() || error.is_conflict() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether `mirror` is the copy of this very Pod and nobody wants it to go.
fn is_of(mirror: &Pod, pod: &Pod) -> bool {
    let hash = pod.annotations().get(CONFIG_HASH);
    mirror.metadata.deletion_timestamp.is_none() && hash.is_some() && mirror.annotations().get(CONFIG_MIRROR) == hash
}

/// The copy; none before the Node object that it belongs to is known.
fn mirror(pod: &Pod, context: &Context) -> Option<Pod> {
    let uid = context.node_uid.borrow().clone()?;
    let mut mirror = Pod { metadata: pod.metadata.clone(), spec: pod.spec.clone(), status: None };
    let hash = pod.annotations().get(CONFIG_HASH)?.clone();
    mirror.annotations_mut().insert(CONFIG_MIRROR.to_owned(), hash);
    mirror.metadata.uid = None;
    mirror.metadata.creation_timestamp = None;
    mirror.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: context.name.clone(),
        uid,
        controller: Some(true),
        block_owner_deletion: None,
    }]);
    Some(mirror)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_copy_of_another_manifest_or_one_that_is_being_deleted_is_not_the_pod_s() {
        let pod = |annotation: &str, hash: &str| -> Pod {
            serde_json::from_value(json!({"metadata": {"annotations": {annotation: hash}}})).unwrap()
        };
        let here = pod(CONFIG_HASH, "1");
        assert!(is_of(&pod(CONFIG_MIRROR, "1"), &here) && !is_of(&pod(CONFIG_MIRROR, "2"), &here));
        let mut deleted = pod(CONFIG_MIRROR, "1");
        deleted.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
        assert!(!is_of(&deleted, &here));
    }
}
