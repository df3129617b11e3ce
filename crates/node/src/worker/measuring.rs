//! Measures what a Pod with a limit of its storage has on disk, now and then, off the worker's way.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use reprise_core::ephemeral_storage::{StorageUse, is_limited};
use reprise_cri::CriError;

use super::mail::Mail;
use super::{Shared, Worker, tasks};
use crate::error::chain;
use crate::paths::PodPaths;
use crate::view::PodView;
use crate::volumes::usage;

impl Worker {
    /// Measures as long as the worker lives and the Pod has not ended.
    pub(super) fn start_measuring(&mut self) {
        if !is_limited(&self.pod) {
            return;
        }
        let (sender, period) = (self.sender.clone(), self.shared.config.usage_period);
        let measure = Measure { shared: self.shared.clone(), paths: self.paths.clone(), view: self.view.clone() };
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                if let Some(used) = measure.now().await {
                    tasks::post(&sender, Mail::Measured(used));
                }
            }
        });
        self.measuring = Some(task.abort_handle());
    }

    pub(super) fn stop_measuring(&mut self) {
        if let Some(task) = self.measuring.take() {
            task.abort();
        }
    }
}

struct Measure {
    shared: Arc<Shared>,
    paths: PodPaths,
    view: Arc<Mutex<PodView>>,
}

impl Measure {
    /// None if it can't be told now; the next time may be better.
    async fn now(&self) -> Option<StorageUse> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let layers = self.layers(&view).await;
        let layers =
            layers.inspect_err(|error| tracing::debug!(error = %chain(error), "layers can't be measured")).ok()?;
        let paths = self.paths.clone();
        let measured = tokio::task::spawn_blocking(move || usage::of_pod(&view.pod, &paths, layers));
        let failed = |error: &io::Error| tracing::debug!(%error, "a Pod's folders can't be measured yet");
        measured.await.unwrap_or_else(|panic| Err(panic.into())).inspect_err(failed).ok()
    }

    /// The writable layers of the Pod's containers, by name.
    async fn layers(&self, view: &PodView) -> Result<BTreeMap<String, u64>, CriError> {
        let Some(sandbox) = &view.ledger.sandbox else { return Ok(BTreeMap::new()) };
        let mut by_id = self.shared.runtime.layers_of(&sandbox.id).await?;
        let runs = view.ledger.containers.iter().filter_map(|(name, record)| Some((name, record.run.as_ref()?)));
        Ok(runs.filter_map(|(name, run)| Some((name.clone(), by_id.remove(&run.id)?))).collect())
    }
}
