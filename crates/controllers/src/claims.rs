//! Claims get volumes, and volumes whose claims are gone are released.

mod decision;

use std::collections::HashSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::cache::{Cache, ObjectKey};
use crate::caches::Caches;
use crate::error::{Error, unless_gone};
use crate::queue::delay_after;
use crate::recorder::Recorder;

use decision::{Step, decide};

/// Changes that come together are looked at together.
const PAUSE: Duration = Duration::from_millis(20);

/// Binds them.
pub(crate) struct ClaimBinder {
    client: Client,
    recorder: Recorder,
    claims: Cache<PersistentVolumeClaim>,
    volumes: Cache<PersistentVolume>,
    /// What people know of claims: UID and reason.
    told: HashSet<(String, String)>,
}

impl ClaimBinder {
    pub(crate) fn new(client: Client, caches: &Caches, recorder: Recorder) -> Self {
        Self { client, recorder, claims: caches.claims.clone(), volumes: caches.volumes.clone(), told: HashSet::new() }
    }

    /// Works for ever. All volumes and claims are looked at together, as a volume that one gets another can't have.
    pub(crate) async fn run(mut self) {
        tokio::join!(self.claims.ready(), self.volumes.ready());
        let (mut claims, mut volumes) = (self.claims.subscribe(), self.volumes.subscribe());
        let mut failures = 0;
        loop {
            let delay = match self.pass().await {
                Ok(()) => {
                    failures = 0;
                    None
                }
                Err(error) => {
                    let delay = delay_after(failures);
                    failures += 1;
                    tracing::debug!("{error}; tried again in {delay:?}");
                    Some(delay)
                }
            };
            // No change is lost: the next pass looks at all that there is.
            tokio::select! {
                _ = claims.recv() => {}
                _ = volumes.recv() => {}
                () = sleep(delay) => {}
            }
            tokio::time::sleep(PAUSE).await;
            while claims.try_recv().is_ok() || volumes.try_recv().is_ok() {}
        }
    }

    async fn pass(&mut self) -> Result<(), Error> {
        let (volumes, claims) = (self.volumes.all(), self.claims.all());
        self.told.retain(|(uid, _)| claims.iter().any(|claim| claim.metadata.uid.as_ref() == Some(uid)));
        for step in decide(&volumes, &claims) {
            match step {
                Step::Volume { name, subresource, patch } => self.patch_volume(&name, subresource, patch).await?,
                Step::Claim { key, subresource, patch } => self.patch_claim(&key, subresource, patch).await?,
                Step::TellOfVolume { volume, note } => self.recorder.tell(&*volume, note),
                Step::TellOfClaim { claim, note } => {
                    // It is decided again in each pass, and true as long as nothing changes.
                    let uid = claim.metadata.uid.clone().unwrap_or_default();
                    if self.told.insert((uid, note.reason.clone())) {
                        self.recorder.tell(&*claim, note);
                    }
                }
            }
        }
        Ok(())
    }

    async fn patch_volume(&self, name: &str, subresource: bool, patch: Value) -> Result<(), Error> {
        let api: Api<PersistentVolume> = Api::all(self.client.clone());
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let answer = if subresource {
            api.patch_status(name, &parameters, &patch).await
        } else {
            api.patch(name, &parameters, &patch).await
        };
        let patched = unless_gone(answer.map_err(Error::call("patch", format!("PersistentVolume {name}"))))?;
        patched.into_iter().for_each(|volume| self.volumes.wrote(volume));
        Ok(())
    }

    async fn patch_claim(&self, key: &ObjectKey, subresource: bool, patch: Value) -> Result<(), Error> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &key.namespace);
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let answer = if subresource {
            api.patch_status(&key.name, &parameters, &patch).await
        } else {
            api.patch(&key.name, &parameters, &patch).await
        };
        let patched = unless_gone(answer.map_err(Error::call("patch", format!("PersistentVolumeClaim {key}"))))?;
        patched.into_iter().for_each(|claim| self.claims.wrote(claim));
        Ok(())
    }
}

async fn sleep(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}

/// A patch for one version of an object only.
fn of_version(version: Option<&String>, mut patch: Value) -> Value {
    patch["metadata"]["resourceVersion"] = json!(version);
    patch
}
