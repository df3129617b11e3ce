//! Brings statuses of one Pod to the API, one after the other.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{Patch, PatchParams};
use reprise_node::PodKey;

use super::queue::Queue;
use super::status_patch::status_patch;
use crate::backoff::Trouble;
use crate::call::{CallError, call};
use crate::context::Context;

/// What there is to tell about one Pod.
pub(super) struct Writer {
    context: Arc<Context>,
    key: PodKey,
    pub queue: Queue,
    trouble: Trouble,
}

impl Writer {
    pub(super) fn new(context: Arc<Context>, key: PodKey) -> Self {
        Self { context, key, queue: Queue::default(), trouble: Trouble::new("the status of a Pod can't be written") }
    }

    pub(super) fn push(&mut self, status: PodStatus) {
        self.queue.push(status);
    }

    /// Brings the first status to the Pod `at` the API, which becomes what it then is. Gives whether there was one.
    ///
    /// # Errors
    /// If the API does not take it now: it stays to be told.
    pub(super) async fn write_one(&mut self, at: &mut Pod) -> Result<bool, CallError> {
        let Some(status) = self.queue.first() else { return Ok(false) };
        let Some(patch) = status_patch(at, status) else {
            self.queue.taken();
            return Ok(true);
        };
        let pods = self.context.pods(&self.key.namespace);
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(patch));
        // It is never closed.
        let permit = self.context.calls.acquire().await;
        let answer = call(pods.patch_status(&self.key.name, &parameters, &patch)).await;
        drop(permit);
        match answer {
            Ok(pod) => {
                *at = pod;
                self.queue.taken();
                self.trouble.over();
                Ok(true)
            }
            Err(error) => {
                if matches!(error, CallError::Away { .. }) {
                    self.queue.keep_newest();
                }
                // Of a Pod that is gone the watch will say so.
                if !error.is_not_found() && !error.is_conflict() {
                    self.trouble.tell(&error);
                }
                Err(error)
            }
        }
    }
}
