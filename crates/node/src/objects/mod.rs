//! The objects that Pods refer to, as the node knows them, and who is told when one changes.
//!
//! Whoever has objects puts them in: today that is whoever gives manifests to the node. Workers follow the objects of
//! their Pod and read them when they make volumes and containers. A claim is bound here when it can be, unless the node is in a
//! cluster, which has a volume controller.

mod claims_in_use;
mod shelf;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret};
use reprise_core::objects::node_selector::NodeFacts;
use reprise_core::objects::{ApiObject, ObjectKey, ObjectKind, binding, replace_object};

use crate::error::NodeError;
use crate::paths::NodePaths;
use claims_in_use::ClaimsInUse;
use shelf::Shelf;
pub(crate) use tokens::Tokens;

/// What changed of what a Pod follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// These objects.
    Objects(BTreeSet<ObjectKey>),
    /// A token of the Pod's service account.
    Token,
}

type Tell = Box<dyn Fn(Change) + Send>;

/// All objects of a node. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shelf: Shelf,
    node: NodeFacts,
    /// Claims are bound by somebody else.
    in_cluster: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Arc<ApiObject>>,
    /// By the Pod's UID.
    followers: BTreeMap<String, Follower>,
    in_use: ClaimsInUse,
    tokens: Tokens,
}

struct Follower {
    keys: BTreeSet<ObjectKey>,
    tell: Tell,
}

impl fmt::Debug for State {
    /// Without values: Secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("objects", &self.objects.keys())
            .field("followers", &self.followers.keys())
            .finish()
    }
}

impl Objects {
    /// The objects that were kept below the node's folder.
    pub(crate) fn open(paths: &NodePaths, node: NodeFacts, in_cluster: bool) -> Result<Self, NodeError> {
        let shelf = Shelf::new(paths);
        let objects = shelf.read()?.into_iter().map(|object| (object.key(), Arc::new(object))).collect();
        let state = Mutex::new(State { objects, ..State::default() });
        let all = Self { inner: Arc::new(Inner { shelf, node, in_cluster, state }) };
        all.bind()?;
        Ok(all)
    }

    /// What would refuse one of `objects`.
    pub(crate) fn check(&self, objects: &[ApiObject]) -> Vec<NodeError> {
        let refused = |object: &ApiObject| self.in_place(object.clone()).err();
        objects.iter().filter_map(refused).collect()
    }

    /// Takes objects in, each in the place of the one that has its name, and keeps them. Followers hear of what changed.
    pub(crate) fn put(&self, objects: Vec<ApiObject>) -> Result<(), NodeError> {
        let objects = objects.into_iter().map(|object| self.in_place(object)).collect::<Result<Vec<_>, _>>()?;
        self.store(objects)?;
        self.bind()
    }

    fn in_place(&self, object: ApiObject) -> Result<ApiObject, NodeError> {
        let key = object.key();
        match self.get(&key) {
            Some(old) => replace_object(object, &old)
                .map_err(|rejection| NodeError::ObjectRefused { key, messages: rejection.messages() }),
            None => Ok(object),
        }
    }

    fn store(&self, objects: Vec<ApiObject>) -> Result<(), NodeError> {
        let mut changed = BTreeSet::new();
        for object in objects {
            let key = object.key();
            if self.get(&key).is_some_and(|old| *old == object) {
                continue;
            }
            self.inner.shelf.write(&object)?;
            self.state().objects.insert(key.clone(), Arc::new(object));
            changed.insert(key);
        }
        self.announce(&changed);
        Ok(())
    }

    fn announce(&self, changed: &BTreeSet<ObjectKey>) {
        for follower in self.state().followers.values() {
            let of_interest: BTreeSet<ObjectKey> = follower.keys.intersection(changed).cloned().collect();
            if !of_interest.is_empty() {
                (follower.tell)(Change::Objects(of_interest));
            }
        }
    }

    /// Gives every claim that has none a volume, if one fits. The volume is written first: a claim that is bound has one.
    fn bind(&self) -> Result<(), NodeError> {
        if self.inner.in_cluster {
            return Ok(());
        }
        let (volumes, claims) = (self.volumes(), self.claims());
        let volumes: Vec<&PersistentVolume> = volumes.iter().collect();
        let claims: Vec<&PersistentVolumeClaim> = claims.iter().collect();
        let pairs = binding::bind(&volumes, &claims, &self.inner.node);
        let (mut all_volumes, mut all_claims) = (Vec::new(), Vec::new());
        for (volume, claim) in pairs {
            all_volumes.push(ApiObject::PersistentVolume(Box::new(volume)));
            all_claims.push(ApiObject::PersistentVolumeClaim(Box::new(claim)));
        }
        self.store(all_volumes)?;
        self.store(all_claims)
    }

    /// Why a claim has no volume, for people.
    pub(crate) fn why_unbound(&self, claim: &PersistentVolumeClaim) -> String {
        if self.inner.in_cluster {
            return "the cluster has not bound it yet".to_owned();
        }
        let volumes = self.volumes();
        let volumes: Vec<&PersistentVolume> = volumes.iter().collect();
        binding::choose(claim, &volumes, Some(&self.inner.node)).err().unwrap_or_default()
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<Arc<ApiObject>> {
        self.state().objects.get(key).cloned()
    }

    pub(crate) fn config_map(&self, namespace: &str, name: &str) -> Option<ConfigMap> {
        match self.get(&ObjectKey::new(ObjectKind::ConfigMap, namespace, name)).as_deref() {
            Some(ApiObject::ConfigMap(map)) => Some(map.clone()),
            _ => None,
        }
    }

    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Option<Secret> {
        match self.get(&ObjectKey::new(ObjectKind::Secret, namespace, name)).as_deref() {
            Some(ApiObject::Secret(secret)) => Some(secret.clone()),
            _ => None,
        }
    }

    pub(crate) fn claim(&self, key: &ObjectKey) -> Option<PersistentVolumeClaim> {
        match self.get(key).as_deref() {
            Some(ApiObject::PersistentVolumeClaim(claim)) => Some(PersistentVolumeClaim::clone(claim)),
            _ => None,
        }
    }

    pub(crate) fn volume(&self, name: &str) -> Option<PersistentVolume> {
        match self.get(&ObjectKey::new(ObjectKind::PersistentVolume, "", name)).as_deref() {
            Some(ApiObject::PersistentVolume(volume)) => Some(PersistentVolume::clone(volume)),
            _ => None,
        }
    }

    fn volumes(&self) -> Vec<PersistentVolume> {
        let state = self.state();
        let all = state.objects.values().filter_map(|object| match &**object {
            ApiObject::PersistentVolume(volume) => Some(PersistentVolume::clone(volume)),
            _ => None,
        });
        all.collect()
    }

    fn claims(&self) -> Vec<PersistentVolumeClaim> {
        let state = self.state();
        let all = state.objects.values().filter_map(|object| match &**object {
            ApiObject::PersistentVolumeClaim(claim) => Some(PersistentVolumeClaim::clone(claim)),
            _ => None,
        });
        all.collect()
    }

    /// Takes objects in as an API has them, each in the place of the one that has its name.
    pub(crate) fn mirror(&self, objects: Vec<ApiObject>) -> Result<(), NodeError> {
        self.store(objects)
    }

    /// Forgets an object that an API does not have any more, or that no Pod refers to. Volumes keep what they show.
    pub(crate) fn remove(&self, key: &ObjectKey) -> Result<(), NodeError> {
        if self.state().objects.remove(key).is_none() {
            return Ok(());
        }
        self.inner.shelf.remove(key)?;
        self.announce(&BTreeSet::from([key.clone()]));
        Ok(())
    }

    /// Has `tell` called with what changes from now on of `keys` and the Pod's tokens, until it [unfollows](Self::unfollow).
    pub(crate) fn follow(&self, uid: &str, keys: BTreeSet<ObjectKey>, tell: impl Fn(Change) + Send + 'static) {
        self.state().followers.insert(uid.to_owned(), Follower { keys, tell: Box::new(tell) });
    }

    /// The Pod is gone, or its worker ends.
    pub(crate) fn unfollow(&self, uid: &str) {
        let mut state = self.state();
        state.followers.remove(uid);
        state.tokens.forget(uid);
    }

    /// Notes that a Pod uses a claim. An `exclusive` use is refused while another Pod uses it, and the other way round.
    pub(crate) fn take_claim(&self, claim: &ObjectKey, uid: &str, exclusive: bool) -> bool {
        self.state().in_use.take(claim, uid, exclusive)
    }

    /// The Pod uses its claims no more. Whoever waits for one of them hears of it.
    pub(crate) fn release_claims(&self, uid: &str) {
        let released = self.state().in_use.release(uid);
        self.announce(&released);
    }

    /// Forgets everything: the node's last Pod is gone.
    pub(crate) fn clear(&self) -> Result<(), NodeError> {
        self.state().objects.clear();
        self.inner.shelf.clear()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
pub(crate) mod tests;
