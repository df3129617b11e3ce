//! A Pod's volumes over its life: made, kept up to date with the objects and labels that they show, given back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::objects::{ObjectKey, references};

use super::mail::Mail;
use super::tasks::{CONFIG_REASON, post};
use super::{Shared, Worker};
use crate::error::chain;
use crate::objects::Change;
use crate::paths::PodPaths;
use crate::view::PodView;
use crate::volumes::{self, Concerned, VolumeError, VolumesOf};
use crate::{events, volumes::claim};

/// Reasons of failures that a changed object may end.
const OBJECT_REASONS: [&str; 2] = ["FailedMount", CONFIG_REASON];

/// Work on one Pod's volumes, one piece at a time and on the newest Pod. A task that is aborted does not stop work that
/// has begun, so without this two pieces could meet.
#[derive(Debug, Clone)]
pub(super) struct VolumeWork {
    shared: Arc<Shared>,
    paths: PodPaths,
    view: Arc<Mutex<PodView>>,
    /// Whether the Pod's folder is being removed: nothing is made in it any more.
    torn_down: Arc<Mutex<bool>>,
}

impl VolumeWork {
    pub(super) fn new(shared: Arc<Shared>, paths: PodPaths, view: Arc<Mutex<PodView>>) -> Self {
        Self { shared, paths, view, torn_down: Arc::default() }
    }

    pub(super) fn set_up(&self) -> Result<(), VolumeError> {
        self.with_volumes(|volumes| volumes.set_up()).unwrap_or(Err(VolumeError::TornDown))
    }

    fn refresh(&self, concerned: &Concerned) -> Vec<VolumeError> {
        self.with_volumes(|volumes| volumes.refresh(concerned)).unwrap_or_default()
    }

    /// The Pod has ended: what others may have, or nobody may see, is given back. Its data stays until it is removed.
    fn release(&self) -> Result<(), VolumeError> {
        let released = self.with_volumes(|volumes| {
            volumes::wipe(volumes.paths)?;
            claim::release(volumes.pod, volumes.paths, volumes.objects)
        });
        released.unwrap_or(Ok(()))
    }

    /// Removes everything that the Pod has on disk.
    pub(super) fn tear_down(&self) -> Result<(), VolumeError> {
        let mut torn_down = self.torn_down.lock().unwrap_or_else(PoisonError::into_inner);
        *torn_down = true;
        volumes::teardown::remove_logs(self.paths.logs())?;
        volumes::wipe(&self.paths)?;
        volumes::teardown::remove(self.paths.folder())?;
        let pod = self.pod();
        self.shared.objects.release_claims(crate::pod_key::uid_of(&pod));
        Ok(())
    }

    fn with_volumes<T>(&self, work: impl FnOnce(VolumesOf<'_>) -> T) -> Option<T> {
        let torn_down = self.torn_down.lock().unwrap_or_else(PoisonError::into_inner);
        if *torn_down {
            return None;
        }
        let pod = self.pod();
        let (objects, machine) = (&self.shared.objects, &self.shared.offered);
        Some(work(VolumesOf { pod: &pod, paths: &self.paths, objects, machine }))
    }

    fn pod(&self) -> Pod {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).pod.clone()
    }
}

impl Worker {
    /// Has this worker told about changes of what its Pod refers to.
    pub(super) fn follow_objects(&self) {
        let sender = self.sender.clone();
        let tell = move |change| {
            let mail = match change {
                Change::Objects(keys) => Mail::ObjectsChanged(keys),
                Change::Token => Mail::TokensChanged,
            };
            post(&sender, mail);
        };
        self.shared.objects.follow(&self.uid, references(&self.pod), tell);
    }

    /// Volumes follow, and what waits for an object is tried again at once.
    pub(super) fn on_objects_changed(&mut self, keys: BTreeSet<ObjectKey>) {
        self.on_changed(Concerned::Objects(keys));
    }

    pub(super) fn on_tokens_changed(&mut self) {
        self.on_changed(Concerned::Tokens);
    }

    fn on_changed(&mut self, concerned: Concerned) {
        self.objects_changed_at = Some(Instant::now());
        self.sandbox_failure.take_if(|failure| OBJECT_REASONS.contains(&failure.reason.as_str()));
        self.container_failures.retain(|_, failure| !OBJECT_REASONS.contains(&failure.reason.as_str()));
        self.refresh_volumes(concerned);
    }

    /// Whether a failure is one that may be over already: an object changed after what failed had begun.
    pub(super) fn is_outdated(&self, reason: &str, began: Option<Instant>) -> bool {
        let later = self.objects_changed_at.is_some_and(|changed| began.is_some_and(|began| changed >= began));
        later && OBJECT_REASONS.contains(&reason)
    }

    pub(super) fn refresh_volumes(&self, concerned: Concerned) {
        let (work, sender) = (self.volumes.clone(), self.sender.clone());
        tokio::task::spawn_blocking(move || {
            let errors: Vec<String> = work.refresh(&concerned).iter().map(|error| chain(error)).collect();
            if !errors.is_empty() {
                post(&sender, Mail::NotRefreshed(errors));
            }
        });
    }

    /// The containers go on with what they had. The next change of an object is the next try.
    pub(super) fn on_not_refreshed(&self, errors: Vec<String>) {
        for error in errors {
            self.tell_event(events::failed_mount(error));
        }
    }

    /// After the Pod's end.
    pub(super) async fn release(&mut self) {
        if std::mem::replace(&mut self.released, true) {
            return;
        }
        let (work, shared, pod) = (self.volumes.clone(), self.shared.clone(), self.pod.clone());
        let released = tokio::task::spawn_blocking(move || {
            let cgroup = shared.cgroups.remove(&pod).map_err(|error| chain(&error));
            let volumes = work.release().map_err(|error| chain(&error));
            [cgroup, volumes]
        });
        match released.await {
            // What stays goes with the Pod's folder at the latest.
            Ok(results) => results.into_iter().filter_map(Result::err).for_each(|error| {
                tracing::warn!(pod = %self.key, error, "something of an ended pod stays");
            }),
            Err(error) => tracing::error!(pod = %self.key, %error, "releasing what an ended pod had failed"),
        }
    }
}
