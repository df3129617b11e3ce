//! Takes a Pod on: new, in place of one that has ended, or the one that runs already.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::ledger::Ledger;
use reprise_core::node_admission::{self, Refusal};
use reprise_core::plan::Stage;
use reprise_core::static_pod::Source;
use uuid::Uuid;

use super::Node;
use crate::error::{NodeError, chain};
use crate::pod_key::{PodKey, uid_of};
use crate::record::{ledger_file, pod_file};
use crate::runtime_calls::Listing;
use crate::view::PodView;
use crate::worker::mail::{Listed, Mail};

/// What became of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The Pod's UID.
    pub uid: String,
    /// The Pod was running already, with this very spec.
    pub adopted: bool,
}

impl Node {
    /// Runs `pod`, which has been validated and defaulted. Its record is on disk before this returns. A Pod of that
    /// name that has ended is replaced; one that runs with the same spec is adopted. A Pod for which the node has no room
    /// or that it can't run as it asks has failed at once, as its status says.
    ///
    /// # Errors
    /// If a Pod of that name runs with another spec or is being deleted, or its record can't be written.
    pub async fn apply(&self, pod: Pod) -> Result<Applied, NodeError> {
        let _one_at_a_time = self.inner.applying.lock().await;
        let pod = self.admitted(pod)?;
        let key = PodKey::of(&pod);
        if let Some(view) = self.pod(&key) {
            if view.stage == Stage::Live {
                return adopt(&key, &pod, &view);
            }
            match self.delete(&key, Some(SignedDuration::ZERO)).await {
                // It may just have gone by itself.
                Ok(()) | Err(NodeError::NoSuchPod { .. } | NodeError::ShuttingDown) => {}
                Err(error) => return Err(error),
            }
            self.gone(&key).await;
        }
        let uid = uid_of(&pod).to_owned();
        let refusal = self.fits(&pod).err();
        self.record(&pod, refusal)?;
        // A static Pod's UID may have been there before, and with it something that a crash has left in the runtime.
        let is_static = Source::of(&pod).is_some();
        self.employ(pod, !is_static)?;
        if is_static {
            self.show_what_is_there(&key, &uid).await;
        }
        Ok(Applied { uid, adopted: false })
    }

    /// Puts a new Pod on record, as failed if the node refuses it.
    pub(super) fn record(&self, pod: &Pod, refusal: Option<Refusal>) -> Result<(), NodeError> {
        let paths = self.inner.shared.paths.pod(pod);
        pod_file::make_folder(&paths)?;
        if let Some(refusal) = refusal {
            // Before the Pod is on record: after a crash it must not look like one that was taken on.
            ledger_file::write(&paths.ledger_file(), &Ledger::refused(refusal, Timestamp::now()))?;
        }
        pod_file::write(&paths, pod)
    }

    /// Whether the node takes `pod` on beside the Pods that it has. One that it refuses is on record as failed.
    pub(super) fn fits(&self, pod: &Pod) -> Result<(), Refusal> {
        let others = self.pods();
        let others = others.iter().filter(|view| !view.ledger.is_refused() && !view.ledger.is_over());
        node_admission::admit(pod, others.map(|view| &view.pod), &self.inner.shared.rules)?;
        match self.config().kernel.refusal(pod) {
            Some(message) => Err(Refusal { reason: "AppArmor".to_owned(), message }),
            None => Ok(()),
        }
    }

    /// Has a worker learn what the runtime has of its Pod. If that fails, the observer's next listing shows it.
    async fn show_what_is_there(&self, key: &PodKey, uid: &str) {
        let asked_at = Instant::now();
        match self.runtime().list(Some(uid)).await {
            Ok(Listing { sandboxes, containers }) => {
                let mailbox = self.inner.workers().get(key).map(|worker| worker.mailbox.clone());
                let mail = Mail::Listed(Listed { asked_at, sandboxes, containers });
                if mailbox.is_none_or(|mailbox| mailbox.send(mail).is_err()) {
                    tracing::debug!(pod = %key, "a listing for a worker that has ended");
                }
            }
            Err(error) => tracing::warn!(pod = %key, error = %chain(&error), "the runtime can't be asked for the pod"),
        }
    }

    /// Whether [`Node::apply`] would take `pod` on as things are now.
    ///
    /// # Errors
    /// What it would refuse it with.
    pub fn check(&self, pod: &Pod) -> Result<(), NodeError> {
        let pod = self.admitted(pod.clone())?;
        let key = PodKey::of(&pod);
        match self.pod(&key).filter(|view| view.stage == Stage::Live) {
            Some(view) => adopt(&key, &pod, &view).map(drop),
            None => Ok(()),
        }
    }

    /// Fills in what the API server and the scheduler would have.
    fn admitted(&self, mut pod: Pod) -> Result<Pod, NodeError> {
        let key = PodKey::of(&pod);
        let missing = |missing| NodeError::NotAdmitted { key: key.clone(), missing };
        if key.name.is_empty() {
            return Err(missing("name"));
        }
        let spec = pod.spec.as_mut().filter(|s| !s.containers.is_empty()).ok_or_else(|| missing("containers"))?;
        spec.node_name.get_or_insert_with(|| self.config().node_name.clone());
        let metadata = &mut pod.metadata;
        metadata.namespace.get_or_insert_with(|| key.namespace.clone());
        metadata.uid.get_or_insert_with(|| Uuid::new_v4().to_string());
        metadata.creation_timestamp.get_or_insert_with(|| Time(Timestamp::now()));
        pod.status = None;
        Ok(pod)
    }
}

fn adopt(key: &PodKey, pod: &Pod, running: &PodView) -> Result<Applied, NodeError> {
    if running.pod.metadata.deletion_timestamp.is_some() {
        return Err(NodeError::PodTerminating { key: key.clone() });
    }
    if as_written(pod) != as_written(&running.pod) {
        return Err(NodeError::PodExists { key: key.clone() });
    }
    Ok(Applied { uid: uid_of(&running.pod).to_owned(), adopted: true })
}

/// The spec without what was added while the Pod ran.
fn as_written(pod: &Pod) -> Option<PodSpec> {
    pod.spec.clone().map(|spec| PodSpec { ephemeral_containers: None, ..spec })
}
