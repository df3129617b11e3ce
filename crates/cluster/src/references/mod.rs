//! What Pods refer to: fetched, followed and given to the node, for as long as a Pod uses it.
//!
//! A node may only see what its own Pods name: ConfigMaps and Secrets are watched one by one, under their names; claims and their
//! volumes are asked for until they are bound; tokens are made for one Pod each and renewed.

mod claim;
mod object;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use kube::{Client, ResourceExt};
use reprise_core::objects::{ObjectKey, ObjectKind, TokenKey};
use reprise_node::{Node, PodKey, chain};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use token::TokenOf;

/// All that the node's Pods refer to. Clones are the same.
#[derive(Clone)]
pub(crate) struct References {
    node: Node,
    client: Client,
    watch_seconds: u32,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectKey, Followed>,
    tokens: BTreeMap<(String, TokenKey), Followed>,
}

/// Something that a task follows.
#[derive(Debug)]
struct Followed {
    /// The UIDs of the Pods that use it.
    users: BTreeSet<String>,
    /// Whether the API has said that it is there or not.
    known: watch::Receiver<bool>,
    task: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl References {
    /// `watch_seconds`: how long one watch goes on.
    pub(crate) fn new(node: Node, client: Client, watch_seconds: u32) -> Self {
        Self { node, client, watch_seconds, state: Arc::default() }
    }

    /// From now on the Pod uses these and no others.
    pub(crate) fn follow(&self, pod: &Pod, objects: BTreeSet<ObjectKey>, tokens: BTreeSet<TokenKey>) {
        let uid = pod.uid().unwrap_or_default();
        let mut state = self.state();
        for key in &objects {
            state.objects.entry(key.clone()).or_insert_with(|| self.begin_object(key.clone()));
        }
        for key in &tokens {
            let of_pod = (uid.clone(), key.clone());
            state.tokens.entry(of_pod).or_insert_with(|| self.begin_token(pod, key.clone()));
        }
        for (key, followed) in &mut state.objects {
            if objects.contains(key) {
                followed.users.insert(uid.clone());
            } else {
                followed.users.remove(&uid);
            }
        }
        state.tokens.retain(|(owner, key), _| *owner != uid || tokens.contains(key));
        self.drop_unused(&mut state);
    }

    /// The Pod uses nothing any more.
    pub(crate) fn unfollow(&self, uid: &str) {
        let mut state = self.state();
        state.objects.values_mut().for_each(|followed| {
            followed.users.remove(uid);
        });
        state.tokens.retain(|(owner, _), _| owner != uid);
        self.drop_unused(&mut state);
    }

    /// Waits until the API has said of all that the Pod uses whether it is there.
    pub(crate) async fn known(&self, uid: &str) {
        let waiting: Vec<watch::Receiver<bool>> = {
            let state = self.state();
            let objects = state.objects.values().filter(|followed| followed.users.contains(uid));
            let tokens = state.tokens.iter().filter(|((owner, _), _)| owner == uid).map(|(_, followed)| followed);
            objects.chain(tokens).map(|followed| followed.known.clone()).collect()
        };
        for mut known in waiting {
            // An error means that nobody follows it any more: then nobody needs it.
            drop(known.wait_for(|known| *known).await);
        }
    }

    fn begin_object(&self, key: ObjectKey) -> Followed {
        let (told, known) = watch::channel(false);
        let (node, client, seconds) = (self.node.clone(), self.client.clone(), self.watch_seconds);
        let task = match key.kind {
            ObjectKind::ConfigMap => tokio::spawn(object::config_map(node, client, seconds, key, told)),
            ObjectKind::Secret => tokio::spawn(object::secret(node, client, seconds, key, told)),
            ObjectKind::PersistentVolumeClaim => tokio::spawn(claim::follow(node, client, key, told)),
            // Pods name claims only.
            ObjectKind::PersistentVolume => tokio::spawn(async {}),
        };
        Followed { users: BTreeSet::new(), known, task: task.abort_handle() }
    }

    fn begin_token(&self, pod: &Pod, key: TokenKey) -> Followed {
        let (told, known) = watch::channel(false);
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
        let account = account.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned());
        let of = TokenOf { pod: PodKey::of(pod), uid: pod.uid().unwrap_or_default(), account, key };
        let task = tokio::spawn(token::keep(self.node.clone(), self.client.clone(), of, told));
        Followed { users: BTreeSet::new(), known, task: task.abort_handle() }
    }

    fn drop_unused(&self, state: &mut State) {
        let unused: Vec<ObjectKey> = state
            .objects
            .iter()
            .filter(|(_, followed)| followed.users.is_empty())
            .map(|(key, _)| key.clone())
            .collect();
        for key in unused {
            state.objects.remove(&key);
            let (node, followed) = (self.node.clone(), Arc::clone(&self.state));
            tokio::spawn(async move {
                // Another Pod may have come that uses it.
                let is_used = followed.lock().unwrap_or_else(PoisonError::into_inner).objects.contains_key(&key);
                if is_used {
                    return;
                }
                if let Err(error) = node.remove_object(key).await {
                    tracing::warn!(error = %chain(&error), "an object that no Pod uses stays");
                }
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
