//! Pods from a Kubernetes API: taken on under the UID that they have there, brought up to date, kept on record until the API knows
//! how they ended.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use reprise_core::api_pod;
use reprise_core::node_admission::Refusal;
use reprise_core::unsupported;

use super::Node;
use crate::api_service::ApiService;
use crate::error::NodeError;
use crate::pod_key::{PodKey, uid_of};
use crate::view::PodView;
use crate::worker::mail::Mail;

/// The reason of a Pod that asks for what this node can't do.
const UNSUPPORTED: &str = "PodFeatureUnsupported";

impl Node {
    /// Runs a Pod that an API has bound to this node. Its record is on disk before this returns. What the node has no room for
    /// or can't do has failed at once, as its status says. A Pod of this UID that is here already is brought up to date.
    ///
    /// # Errors
    /// If a Pod of that name with another UID is here, or the record can't be written.
    pub async fn apply_from_api(&self, pod: Pod) -> Result<(), NodeError> {
        let _one_at_a_time = self.inner.applying.lock().await;
        let key = PodKey::of(&pod);
        match self.pod(&key) {
            Some(view) if uid_of(&view.pod) == uid_of(&pod) => return self.update_from_api(pod).await,
            Some(_) => return Err(NodeError::PodExists { key }),
            None => {}
        }
        let pod = api_pod::settled(pod, Timestamp::now());
        let refusal = unsupported_refusal(&pod).or_else(|| self.fits(&pod).err());
        self.record(&pod, refusal)?;
        self.employ(pod, true)
    }

    /// Brings a Pod that is here to what the API says of it now: metadata, images, deadline, tolerations, ephemeral containers.
    ///
    /// # Errors
    /// If there is no such Pod, or the record can't be written.
    pub async fn update_from_api(&self, pod: Pod) -> Result<(), NodeError> {
        self.ask(&PodKey::of(&pod), |reply| Mail::Update { pod: Box::new(pod), reply }).await
    }

    /// Deletes a Pod as the API says, within `grace`. Its record stays, with how it ended, until it is [released](Self::release).
    ///
    /// # Errors
    /// If there is no such Pod, or the request can't be written.
    pub async fn delete_for_api(&self, key: &PodKey, grace: Option<SignedDuration>) -> Result<(), NodeError> {
        self.ask(key, |reply| Mail::Delete { grace, reply }).await
    }

    /// The API has been told how this Pod ended, or has it no more: once it has been deleted here too, nothing of it stays.
    pub fn release(&self, uid: &str) {
        let mailbox = self.inner.workers().values().find(|worker| worker.uid == uid).map(|w| w.mailbox.clone());
        if mailbox.is_some_and(|mailbox| mailbox.send(Mail::Release).is_err()) {
            tracing::debug!(uid, "a pod that is released is gone already");
        }
    }

    /// The Pod with this UID.
    #[must_use]
    pub fn pod_by_uid(&self, uid: &str) -> Option<PodView> {
        self.inner.workers().values().find(|worker| worker.uid == uid).map(crate::worker::WorkerHandle::view)
    }

    /// Where Pods reach the cluster's API, as every container that is made from now on is told. On disk before this returns.
    ///
    /// # Errors
    /// If it can't be written.
    pub async fn set_api_service(&self, service: Option<ApiService>) -> Result<(), NodeError> {
        let known = self.inner.shared.api_service.clone();
        tokio::task::spawn_blocking(move || known.set(service)).await.unwrap_or(Err(NodeError::ShuttingDown))
    }

    /// The runtime's handlers of the cluster's RuntimeClasses, by the classes' names.
    pub fn set_runtime_classes(&self, handlers: BTreeMap<String, String>) {
        *self.inner.shared.runtime_classes.lock().unwrap_or_else(PoisonError::into_inner) = handlers;
    }
}

fn unsupported_refusal(pod: &Pod) -> Option<Refusal> {
    let gaps = unsupported::find_in_cluster(pod);
    gaps.warnings.iter().for_each(|gap| tracing::warn!(pod = %PodKey::of(pod), "{gap}"));
    let errors: Vec<String> = gaps.errors.iter().map(ToString::to_string).collect();
    (!errors.is_empty()).then(|| Refusal { reason: UNSUPPORTED.to_owned(), message: errors.join("; ") })
}
