//! Decisions one by one, and random families that are deleted in random ways.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::core::ApiResource;
use proptest::prelude::*;

use super::decision::{Action, FOREGROUND, ORPHAN, Owner, Propagation, decide};
use super::graph::{Graph, Item};

/// An API with objects of one kind.
#[derive(Default)]
struct World {
    objects: BTreeMap<String, ObjectMeta>,
    graph: Graph,
}

fn owner(uid: &str, blocks: bool) -> OwnerReference {
    OwnerReference {
        uid: uid.to_owned(),
        name: uid.to_owned(),
        block_owner_deletion: Some(blocks),
        ..Default::default()
    }
}

impl World {
    fn put(&mut self, uid: &str, owners: Vec<OwnerReference>) {
        let metadata = ObjectMeta {
            name: Some(uid.to_owned()),
            uid: Some(uid.to_owned()),
            owner_references: Some(owners),
            ..ObjectMeta::default()
        };
        self.changed(uid, metadata);
    }

    fn changed(&mut self, uid: &str, metadata: ObjectMeta) {
        let is_over = metadata.deletion_timestamp.is_some() && metadata.finalizers.iter().flatten().count() == 0;
        if is_over {
            self.objects.remove(uid);
            self.graph.remove(uid);
        } else {
            let item = Item::of(&ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&()), &metadata);
            self.graph.put(item.unwrap());
            self.objects.insert(uid.to_owned(), metadata);
        }
    }

    fn change(&mut self, uid: &str, how: impl FnOnce(&mut ObjectMeta)) {
        if let Some(mut metadata) = self.objects.get(uid).cloned() {
            how(&mut metadata);
            self.changed(uid, metadata);
        }
    }

    fn delete(&mut self, uid: &str, propagation: Propagation) {
        self.change(uid, |metadata| {
            metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
            let finalizers = metadata.finalizers.get_or_insert_default();
            finalizers.retain(|own| ![FOREGROUND, ORPHAN].contains(&own.as_str()));
            match propagation {
                Propagation::Background => {}
                Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
                Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
            }
        });
    }

    fn decide(&self, uid: &str) -> Action {
        let Some(item) = self.graph.get(uid) else { return Action::Nothing };
        decide(item, &self.graph, |_| Owner::Absent)
    }

    /// Whether something was done.
    fn act(&mut self, uid: &str) -> bool {
        match self.decide(uid) {
            Action::Nothing | Action::AskFor(_) => return false,
            Action::LookAt(uids) => return uids.iter().any(|uid| self.act_once(uid)),
            Action::Delete(propagation) => self.delete(uid, propagation),
            Action::Disown(owners) => self.disown(uid, &owners),
            Action::Finalize(finalizer) => self.change(uid, |metadata| {
                metadata.finalizers.get_or_insert_default().retain(|own| own != finalizer);
            }),
            Action::Orphan(dependents) => {
                for dependent in dependents {
                    self.disown(&dependent, &[uid.to_owned()]);
                }
            }
        }
        true
    }

    fn act_once(&mut self, uid: &str) -> bool {
        !matches!(self.decide(uid), Action::LookAt(_) | Action::Nothing) && self.act(uid)
    }

    fn disown(&mut self, uid: &str, owners: &[String]) {
        self.change(uid, |metadata| {
            metadata.owner_references.get_or_insert_default().retain(|own| !owners.contains(&own.uid));
        });
    }

    fn settle(&mut self) {
        for _ in 0..1000 {
            let uids: Vec<String> = self.objects.keys().cloned().collect();
            if !uids.iter().fold(false, |any, uid| self.act(uid) | any) {
                return;
            }
        }
        panic!("it does not end");
    }

    fn left(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }
}

fn family() -> World {
    let mut world = World::default();
    world.put("parent", vec![]);
    world.put("child", vec![owner("parent", true)]);
    world.put("grandchild", vec![owner("child", true)]);
    world.put("other", vec![]);
    world
}

#[test]
fn who_has_no_owner_left_goes_and_so_do_their_own() {
    let mut world = family();
    world.settle();
    assert_eq!(world.left().len(), 4);
    world.delete("parent", Propagation::Background);
    assert_eq!(world.left(), ["child", "grandchild", "other"]);
    world.settle();
    assert_eq!(world.left(), ["other"]);
}

#[test]
fn in_the_foreground_the_owner_goes_last() {
    let mut world = family();
    world.delete("parent", Propagation::Foreground);
    assert_eq!(world.decide("parent"), Action::LookAt(vec!["child".to_owned()]));
    assert_eq!(world.decide("child"), Action::Delete(Propagation::Foreground));
    world.delete("child", Propagation::Foreground);
    assert_eq!(world.decide("grandchild"), Action::Delete(Propagation::Background));
    assert_eq!(world.decide("child"), Action::LookAt(vec!["grandchild".to_owned()]));
    world.settle();
    assert_eq!(world.left(), ["other"]);
}

#[test]
fn orphans_stay_and_a_second_owner_keeps_what_the_first_one_leaves() {
    let mut world = family();
    world.delete("parent", Propagation::Orphan);
    world.settle();
    assert_eq!(world.left(), ["child", "grandchild", "other"]);
    let mut world = family();
    world.put("child", vec![owner("parent", true), owner("other", true)]);
    world.delete("parent", Propagation::Foreground);
    assert_eq!(world.decide("child"), Action::Disown(vec!["parent".to_owned()]));
    world.settle();
    assert_eq!(world.left(), ["child", "grandchild", "other"]);
}

#[test]
fn an_owner_that_nobody_knows_is_asked_for_before_anything_is_deleted() {
    let mut world = World::default();
    world.put("child", vec![owner("unknown", false)]);
    let item = world.graph.get("child").unwrap();
    let asked = |known: Owner| decide(item, &world.graph, |_| known);
    assert_eq!(asked(Owner::Unknown), Action::AskFor(vec![owner("unknown", false)]));
    assert_eq!(asked(Owner::Present), Action::Nothing);
    assert_eq!(asked(Owner::Absent), Action::Delete(Propagation::Background));
}

fn propagation() -> impl Strategy<Value = Propagation> {
    prop::sample::select(vec![Propagation::Background, Propagation::Foreground, Propagation::Orphan])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_waits_for_ever_and_nobody_is_left_whose_owners_are_all_gone(
        owners in prop::collection::vec(prop::collection::vec((0..8_usize, any::<bool>()), 0..3), 1..8),
        deleted in prop::collection::vec((0..8_usize, propagation()), 1..6),
    ) {
        let mut world = World::default();
        let count = owners.len();
        for (i, own) in owners.iter().enumerate() {
            let of = own.iter().filter(|(o, _)| o % count != i).map(|(o, blocks)| owner(&(o % count).to_string(), *blocks));
            world.put(&i.to_string(), of.collect());
        }
        for (i, propagation) in deleted {
            world.delete(&(i % count).to_string(), propagation);
            world.settle();
        }
        for metadata in world.objects.values() {
            prop_assert!(metadata.deletion_timestamp.is_none(), "{:?} is not gone", metadata);
            let owners: Vec<_> = metadata.owner_references.iter().flatten().collect();
            let is_held = owners.is_empty() || owners.iter().any(|own| world.objects.contains_key(&own.uid));
            prop_assert!(is_held, "{:?} has no owner", metadata);
        }
    }
}
