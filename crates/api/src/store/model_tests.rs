//! Lists and watches against a naive model: nothing is missed, nothing repeated, all in order.

use std::collections::BTreeMap;

use futures::FutureExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fake_disk::FakeDisk;
use super::*;

/// So many events of a resource are remembered in these tests.
const REMEMBERED: usize = 12;
const NAMESPACES: [&str; 2] = ["a", "b"];

type Name = (String, String);

#[derive(Debug, Clone)]
enum Step {
    Put {
        namespace: usize,
        name: usize,
        expect: Wanted,
    },
    Delete {
        namespace: usize,
        name: usize,
        expect: Wanted,
    },
    /// Something happens to another resource.
    Elsewhere,
    Watch {
        namespace: Option<usize>,
        back: u64,
    },
    Read {
        watcher: usize,
    },
    List {
        namespace: Option<usize>,
        back: u64,
    },
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Any,
    Absent,
    Current,
    Other,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wanted = || prop_oneof![3 => Just(Wanted::Any), 1 => Just(Wanted::Absent), 1 => Just(Wanted::Current), 1 => Just(Wanted::Other)];
    let namespace = || prop_oneof![Just(None), (0..2_usize).prop_map(Some)];
    let step = prop_oneof![
        8 => (0..2_usize, 0..4_usize, wanted())
            .prop_map(|(namespace, name, expect)| Step::Put { namespace, name, expect }),
        4 => (0..2_usize, 0..4_usize, wanted())
            .prop_map(|(namespace, name, expect)| Step::Delete { namespace, name, expect }),
        1 => Just(Step::Elsewhere),
        3 => (namespace(), 0..20_u64).prop_map(|(namespace, back)| Step::Watch { namespace, back }),
        8 => (0..6_usize).prop_map(|watcher| Step::Read { watcher }),
        2 => (namespace(), 0..20_u64).prop_map(|(namespace, back)| Step::List { namespace, back }),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..80)
}

/// What there should be.
#[derive(Default)]
struct Model {
    revision: u64,
    opened_at: u64,
    objects: BTreeMap<Name, u64>,
    log: Vec<(u64, EventKind, Name)>,
}

impl Model {
    /// The oldest revision that can be watched from.
    fn oldest(&self) -> u64 {
        let here: Vec<u64> = self.log.iter().map(|(at, ..)| *at).filter(|at| *at > self.opened_at).collect();
        here.len().checked_sub(REMEMBERED + 1).map_or(self.opened_at, |last| here[last])
    }

    fn events(&self, after: u64, namespace: Option<&str>) -> Vec<(u64, EventKind, Name)> {
        let wanted =
            |(at, _, (space, _)): &&(u64, EventKind, Name)| *at > after && namespace.is_none_or(|n| n == space);
        self.log.iter().filter(wanted).cloned().collect()
    }

    fn list(&self, namespace: Option<&str>, at: u64) -> BTreeMap<Name, u64> {
        let mut objects = BTreeMap::new();
        for (revision, kind, name) in self.log.iter().filter(|(revision, ..)| *revision <= at) {
            match kind {
                EventKind::Deleted => objects.remove(name),
                EventKind::Added | EventKind::Modified => objects.insert(name.clone(), *revision),
            };
        }
        objects.retain(|(space, _), _| namespace.is_none_or(|n| n == space));
        objects
    }
}

/// A store, what it should have, and those who watch it.
struct Run {
    disk: FakeDisk,
    store: Store,
    model: Model,
    watchers: Vec<(WatchStream, Option<&'static str>, u64)>,
    /// Watchers of a namespace say so beforehand, every second of them.
    narrow: bool,
}

fn open(disk: &FakeDisk) -> Store {
    let history = HistoryLimits { events: REMEMBERED, ..HistoryLimits::default() };
    let options = StoreOptions { history, ..StoreOptions::new(vec!["pods", "secrets"]) };
    Store::start(disk.database().unwrap(), options).unwrap()
}

fn named(objects: &[Stored]) -> BTreeMap<Name, u64> {
    objects.iter().map(|object| ((object.key.namespace.clone(), object.key.name.clone()), object.revision)).collect()
}

impl Run {
    fn new() -> Self {
        let disk = FakeDisk::default();
        Self { store: open(&disk), disk, model: Model::default(), watchers: Vec::new(), narrow: false }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Put { namespace, name, expect } => self.change(namespace, name, expect, true).await,
            Step::Delete { namespace, name, expect } => self.change(namespace, name, expect, false).await,
            Step::Elsewhere => {
                let key = Key { resource: "secrets", namespace: "a".to_owned(), name: "s".to_owned() };
                let object = json!({"metadata": {}});
                let fields = Fields::default();
                let put = Change::Put { key, expect: Expect::Any, object, fields, expires_at: None };
                self.model.revision = self.store.write(put).await.unwrap().revision;
            }
            Step::Watch { namespace, back } => self.watch(namespace.map(|n| NAMESPACES[n]), back),
            Step::Read { watcher } => self.read_events(watcher),
            Step::List { namespace, back } => self.list(namespace.map(|n| NAMESPACES[n]), back),
            Step::Restart => {
                self.store.close().await;
                self.watchers.clear();
                self.store = open(&self.disk);
                self.model.opened_at = self.model.revision;
            }
        }
        assert_eq!(self.store.revision(), self.model.revision);
    }

    async fn change(&mut self, namespace: usize, name: usize, wanted: Wanted, puts: bool) {
        let (namespace, name) = (NAMESPACES[namespace].to_owned(), format!("pod-{name}"));
        let key = Key { resource: "pods", namespace: namespace.clone(), name: name.clone() };
        let current = self.model.objects.get(&(namespace.clone(), name.clone())).copied();
        let expect = match wanted {
            Wanted::Any => Expect::Any,
            Wanted::Absent => Expect::Absent,
            Wanted::Current => Expect::Revision(current.unwrap_or(1)),
            Wanted::Other => Expect::Revision(self.model.revision + 1),
        };
        let allowed = match (expect, current) {
            (Expect::Any, current) => puts || current.is_some(),
            (Expect::Absent, current) => puts && current.is_none(),
            (Expect::Revision(revision), current) => current == Some(revision),
        };
        let change = match puts {
            true => {
                let object = json!({"metadata": {"name": name, "namespace": namespace}});
                Change::Put { key, expect, object, fields: Fields::default(), expires_at: None }
            }
            false => Change::Delete { key, expect },
        };
        let answer = self.store.write(change).await;
        assert_eq!(answer.is_ok(), allowed, "{answer:?}");
        let Ok(object) = answer else { return };
        self.model.revision += 1;
        assert_eq!(object.revision, self.model.revision);
        let name = (namespace, name);
        let kind = match (puts, current) {
            (false, _) => EventKind::Deleted,
            (true, None) => EventKind::Added,
            (true, Some(_)) => EventKind::Modified,
        };
        match puts {
            true => self.model.objects.insert(name.clone(), object.revision),
            false => self.model.objects.remove(&name),
        };
        self.model.log.push((object.revision, kind, name));
    }

    fn watch(&mut self, namespace: Option<&'static str>, back: u64) {
        let after = self.model.revision.saturating_sub(back);
        let watch = self.store.watch("pods", namespace, after);
        let oldest = self.model.oldest();
        assert_eq!(watch.as_ref().err(), (after < oldest).then_some(&TooOld { asked: after, oldest }));
        self.narrow = !self.narrow;
        let narrowed = |watch: WatchStream| match namespace.filter(|_| self.narrow) {
            Some(namespace) => {
                watch.narrowed(Interest { field: "metadata.namespace".to_owned(), value: namespace.to_owned() })
            }
            None => watch,
        };
        self.watchers.extend(watch.map(|watch| (narrowed(watch), namespace, after)));
        if self.watchers.len() > 6 {
            self.watchers.remove(0);
        }
    }

    fn read_events(&mut self, watcher: usize) {
        let Some((watch, namespace, read)) = self.watchers.get_mut(watcher) else { return };
        let answer = watch.next().now_or_never();
        let oldest = self.model.oldest();
        // One that has said what it waits for may be behind, as long as it has missed nothing of it.
        let missed = |(revision, _, (space, _)): &(u64, EventKind, Name)| {
            *revision > *read && *revision <= oldest && namespace.is_none_or(|namespace| namespace == space)
        };
        let too_old = match watch.is_narrowed() {
            true => self.model.log.iter().any(missed),
            false => *read < oldest,
        };
        if too_old {
            assert!(matches!(answer, Some(Err(WatchEnd::TooOld(_)))), "{answer:?}");
            self.watchers.remove(watcher);
            return;
        }
        let expected = self.model.events(*read, *namespace);
        match answer {
            None => {
                assert!(expected.is_empty(), "{expected:?} were missed");
                *read = self.model.revision;
            }
            Some(events) => {
                let events = events.unwrap();
                let told = |event: &Arc<Event>| {
                    let line: Value = serde_json::from_slice(event.line()).unwrap();
                    assert_eq!(line["type"], event.kind.as_str());
                    assert_eq!(line["object"], serde_json::from_slice::<Value>(&event.object.json).unwrap());
                    assert_eq!(line["object"]["metadata"]["resourceVersion"], event.revision().to_string());
                    let key = &event.object.key;
                    (event.revision(), event.kind, (key.namespace.clone(), key.name.clone()))
                };
                assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
                *read = self.model.log.last().map_or(*read, |(revision, ..)| *revision);
            }
        }
    }

    fn list(&self, namespace: Option<&'static str>, back: u64) {
        let (now, revision) = self.store.list("pods", namespace);
        assert_eq!((named(&now), revision), (self.model.list(namespace, revision), self.model.revision));
        let then = self.model.revision.saturating_sub(back);
        let listed = self.store.list_at("pods", namespace, then);
        let oldest = self.model.oldest();
        let expected =
            if then < oldest { Err(TooOld { asked: then, oldest }) } else { Ok(self.model.list(namespace, then)) };
        assert_eq!(listed.map(|listed| named(&listed)), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn lists_and_watches_are_those_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            for step in steps {
                run.step(step).await;
            }
        });
    }
}

/// Writes and deletes the same few objects as others do.
async fn write_many(store: Store, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..60 {
        let name = format!("pod-{}", random.u8(..6));
        let key = Key { resource: "pods", namespace: NAMESPACES[random.usize(..2)].to_owned(), name };
        let change = match random.u8(..4) {
            0 => Change::Delete { key, expect: Expect::Any },
            _ => {
                let object = json!({"metadata": {"name": key.name}});
                Change::Put { key, expect: Expect::Any, object, fields: Fields::default(), expires_at: None }
            }
        };
        match store.write(change).await {
            Ok(_) | Err(WriteError::NotFound(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Follows from a list to the revision, and returns what is there then.
async fn follow(store: Store, until: tokio::sync::watch::Receiver<Option<u64>>) -> BTreeMap<Name, u64> {
    let (objects, mut revision, mut watch) = store.list_and_watch("pods", None).unwrap();
    let mut objects = named(&objects);
    while until.borrow().is_none_or(|end| revision < end) {
        for event in watch.next().await.unwrap() {
            assert!(event.revision() > revision, "{} after {revision}", event.revision());
            revision = event.revision();
            let name = (event.object.key.namespace.clone(), event.object.key.name.clone());
            let before = match event.kind {
                EventKind::Deleted => objects.remove(&name),
                EventKind::Added | EventKind::Modified => objects.insert(name, revision),
            };
            assert_eq!(before, event.old.as_ref().map(|old| old.revision), "what was there is what was heard of");
            assert_eq!(before.is_none(), event.kind == EventKind::Added);
        }
    }
    objects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_follow_while_many_write_at_once_end_with_what_is_there() {
    let store = Store::start(FakeDisk::default().database().unwrap(), StoreOptions::new(vec!["pods"])).unwrap();
    let (ended, until) = tokio::sync::watch::channel(None);
    let mut followers = Vec::new();
    let writers: Vec<_> = (0..8).map(|seed| tokio::spawn(write_many(store.clone(), seed))).collect();
    for _ in 0..10 {
        followers.push(tokio::spawn(follow(store.clone(), until.clone())));
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let key = Key { resource: "pods", namespace: "a".to_owned(), name: "last".to_owned() };
    let object = json!({"metadata": {}});
    let last = Change::Put { key, expect: Expect::Absent, object, fields: Fields::default(), expires_at: None };
    ended.send_replace(Some(store.revision() + 1));
    store.write(last).await.unwrap();
    let (listed, _) = store.list("pods", None);
    for follower in followers {
        assert_eq!(follower.await.unwrap(), named(&listed));
    }
}
