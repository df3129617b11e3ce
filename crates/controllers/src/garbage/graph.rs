//! All objects, as far as who owns whom is concerned.

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::core::ApiResource;
use reprise_core::unset::{is_true, list, text};

use super::decision::{FOREGROUND, ORPHAN};
use crate::cache::ObjectKey;

/// An object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) resource: ApiResource,
    pub(super) key: ObjectKey,
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) owners: Vec<OwnerReference>,
    /// It waits for its dependents to go.
    pub(super) is_foreground: bool,
    /// Its dependents are to stay.
    pub(super) is_orphaning: bool,
    pub(super) is_deleted: bool,
    pub(super) finalizers: Vec<String>,
}

impl Item {
    /// `None` for what has no UID, which nothing that is stored lacks.
    pub(super) fn of(resource: &ApiResource, metadata: &ObjectMeta) -> Option<Self> {
        let finalizers = list(&metadata.finalizers).to_vec();
        let is_deleted = metadata.deletion_timestamp.is_some();
        let has = |name: &str| is_deleted && finalizers.iter().any(|finalizer| finalizer == name);
        Some(Self {
            resource: resource.clone(),
            key: ObjectKey::new(text(&metadata.namespace), text(&metadata.name)),
            uid: metadata.uid.clone()?,
            version: metadata.resource_version.clone().unwrap_or_default(),
            owners: list(&metadata.owner_references).to_vec(),
            is_foreground: has(FOREGROUND),
            is_orphaning: has(ORPHAN),
            is_deleted,
            finalizers,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.owners == other.owners
            && self.is_foreground == other.is_foreground
            && self.is_orphaning == other.is_orphaning
            && self.is_deleted == other.is_deleted
            && self.finalizers == other.finalizers
    }
}

/// All items by UID.
#[derive(Debug, Default)]
pub(super) struct Graph {
    items: HashMap<String, Item>,
    dependents: HashMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Item> {
        self.items.get(uid)
    }

    /// Those that name `uid` as an owner.
    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Item> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|uid| self.items.get(uid))
    }

    /// Takes in an item, or what has changed of it. Gives the UIDs for which something may have to be done now.
    pub(super) fn put(&mut self, item: Item) -> Vec<String> {
        let uid = item.uid.clone();
        let old = self.items.insert(uid.clone(), item.clone());
        if let Some(old) = &old {
            if old.is_same(&item) {
                return Vec::new();
            }
            self.unlink(old);
        }
        for owner in &item.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
        }
        let mut affected = vec![uid.clone()];
        if item.is_foreground || item.is_orphaning {
            affected.extend(self.dependents.get(&uid).into_iter().flatten().cloned());
        }
        // Owners that wait for it may not have to any more.
        let owners = old.iter().chain([&item]).flat_map(|item| &item.owners);
        affected.extend(owners.filter(|owner| self.waits(&owner.uid)).map(|owner| owner.uid.clone()));
        affected
    }

    /// The item is gone.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<String> {
        let Some(item) = self.items.remove(uid) else { return Vec::new() };
        self.unlink(&item);
        let mut affected: Vec<String> = self.dependents.get(uid).into_iter().flatten().cloned().collect();
        affected.extend(item.owners.iter().filter(|owner| self.waits(&owner.uid)).map(|owner| owner.uid.clone()));
        affected
    }

    fn waits(&self, uid: &str) -> bool {
        self.items.get(uid).is_some_and(|item| item.is_foreground || item.is_orphaning)
    }

    fn unlink(&mut self, item: &Item) {
        for owner in &item.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(&item.uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
    }
}

/// Whether the owner of this UID must not go before the item.
pub(super) fn blocks(item: &Item, owner: &str) -> bool {
    item.owners.iter().any(|own| own.uid == owner && is_true(own.block_owner_deletion))
}
