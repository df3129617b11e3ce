//! What people ask for: durable in `pod.json` before it is answered.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use reprise_core::admission::{Policy, admit_ephemeral};
use reprise_core::api_pod;
use reprise_core::plan::Stage;
use reprise_core::static_pod::Source;
use reprise_core::unsupported;

use super::Worker;
use super::mail::Reply;
use crate::error::NodeError;
use crate::record::pod_file;
use crate::volumes::{Concerned, shows_metadata};

/// The grace period of a Pod that names none, in seconds.
const DEFAULT_GRACE: i64 = 30;

impl Worker {
    /// A second request can only shorten the time that is left.
    pub(super) async fn on_delete(&mut self, grace: Option<SignedDuration>, reply: Reply) {
        let spec_grace = self.pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds);
        let grace = grace.unwrap_or_else(|| SignedDuration::from_secs(spec_grace.unwrap_or(DEFAULT_GRACE)));
        let grace = grace.max(SignedDuration::ZERO);
        let now = Timestamp::now();
        let deadline = now.saturating_add(grace).unwrap_or(now);
        let earlier = self.pod.metadata.deletion_timestamp.as_ref().is_some_and(|t| t.0 <= deadline);
        let result = if earlier {
            Ok(())
        } else {
            self.change(|pod| {
                pod.metadata.deletion_timestamp = Some(Time(deadline));
                pod.metadata.deletion_grace_period_seconds = Some(grace.as_secs());
            })
            .await
        };
        answer(reply, result);
    }

    pub(super) async fn on_annotate(&mut self, name: String, value: String, reply: Reply) {
        let result = self.change(|pod| {
            pod.metadata.annotations.get_or_insert_default().insert(name, value);
        });
        answer(reply, result.await);
    }

    /// What of the Pod may follow the API does.
    pub(super) async fn on_update(&mut self, pod: Pod, reply: Reply) {
        let updated = api_pod::updated(&self.pod, pod);
        let result = if updated == *self.pod {
            Ok(())
        } else {
            let result = self.change(|pod| *pod = updated).await;
            // Ephemeral containers may refer to more objects.
            self.follow_objects();
            result
        };
        answer(reply, result);
    }

    /// What is decided on is the Pod as it is now, so that of two who ask at once neither takes away what the other added.
    pub(super) async fn on_add_ephemeral(&mut self, containers: Vec<EphemeralContainer>, reply: Reply) {
        let result = match self.with_ephemeral(containers) {
            Ok(changed) => {
                let spec = changed.spec;
                self.change(|pod| pod.spec = spec).await
            }
            Err(error) => Err(error),
        };
        // They may refer to more objects.
        self.follow_objects();
        answer(reply, result);
    }

    /// The Pod with these containers too.
    fn with_ephemeral(&self, containers: Vec<EphemeralContainer>) -> Result<Pod, NodeError> {
        let key = self.key.clone();
        if self.pod.metadata.deletion_timestamp.is_some() {
            return Err(NodeError::PodTerminating { key });
        }
        if self.stage != Stage::Live || self.ledger.ending.is_some() {
            return Err(NodeError::PodEnded { key });
        }
        let config = &self.shared.config;
        // Whether Pods may be privileged was settled when this one came in.
        let policy = Policy { gates: config.gates, allow_privileged: true };
        let refused = |messages| NodeError::EphemeralRefused { key: key.clone(), messages };
        if Source::of(&self.pod).is_some() {
            return Err(refused(vec!["static pods do not support ephemeral containers".to_owned()]));
        }
        let admitted = admit_ephemeral(&self.pod, containers, &policy).map_err(|no| refused(no.messages()))?;
        let gaps = unsupported::find(&admitted.pod).errors;
        if !gaps.is_empty() {
            return Err(refused(gaps.iter().map(ToString::to_string).collect()));
        }
        match config.kernel.refusal(&admitted.pod) {
            Some(refusal) => Err(refused(vec![refusal])),
            None => Ok(admitted.pod),
        }
    }

    pub(super) async fn change(&mut self, change: impl FnOnce(&mut Pod)) -> Result<(), NodeError> {
        let mut pod = Pod::clone(&self.pod);
        change(&mut pod);
        let (paths, written) = (self.paths.clone(), pod.clone());
        tokio::task::spawn_blocking(move || pod_file::write(&paths, &written)).await.unwrap_or_else(|panic| {
            Err(NodeError::File { operation: "write", path: self.paths.pod_file(), source: panic.into() })
        })?;
        self.pod = Arc::new(pod);
        self.update_view();
        if shows_metadata(&self.pod) {
            self.refresh_volumes(Concerned::Metadata);
        }
        Ok(())
    }
}

/// Whoever asked may have stopped waiting; the answer stands all the same.
fn answer(reply: Reply, result: Result<(), NodeError>) {
    if let Err(Err(error)) = reply.send(result) {
        tracing::error!(error = %crate::error::chain(&error), "a request failed and nobody waits for the answer");
    }
}
