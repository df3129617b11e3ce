//! What those who use the store see of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fake_disk::{Failure, FakeDisk};
use super::*;

fn key(name: &str) -> Key {
    Key { resource: "pods", namespace: "default".to_owned(), name: name.to_owned() }
}

fn put(name: &str, expect: Expect, data: impl Into<Value>) -> Change {
    let object = json!({"metadata": {"name": name, "labels": {"app": name}}, "data": data.into()});
    Change::Put {
        key: key(name),
        expect,
        object,
        fields: [("spec.nodeName", "n1")].into_iter().collect(),
        expires_at: None,
    }
}

fn delete(name: &str) -> Change {
    Change::Delete { key: key(name), expect: Expect::Any }
}

fn options() -> StoreOptions {
    StoreOptions::new(vec!["pods", "events", "secrets"])
}

fn on(disk: &FakeDisk) -> Store {
    Store::start(disk.database().unwrap(), options()).unwrap()
}

fn value(stored: &Stored) -> Value {
    serde_json::from_slice(&stored.json).unwrap()
}

/// The next events, which must come.
async fn next(watch: &mut WatchStream) -> Result<Vec<Arc<Event>>, WatchEnd> {
    tokio::time::timeout(Duration::from_secs(20), watch.next()).await.expect("an event in 20 s")
}

async fn seen(watch: &mut WatchStream) -> Vec<(EventKind, String, u64)> {
    let events = next(watch).await.unwrap();
    events.iter().map(|event| (event.kind, event.object.key.name.clone(), event.revision())).collect()
}

#[tokio::test]
async fn an_object_has_the_revision_of_its_last_change_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.redb");
    let store = Store::open(&path, options()).unwrap();
    let first = store.write(put("a", Expect::Absent, 1)).await.unwrap();
    let second = store.write(put("a", Expect::Revision(first.revision), 2)).await.unwrap();
    store.write(put("b", Expect::Any, 1)).await.unwrap();
    let gone = store.write(delete("b")).await.unwrap();
    assert_eq!((first.revision, second.revision, gone.revision), (1, 2, 4));
    assert_eq!(value(&gone)["metadata"]["resourceVersion"], "4");
    store.close().await;

    let store = Store::open(&path, options()).unwrap();
    let (all, revision) = store.list("pods", None);
    assert_eq!((all.clone(), revision), (vec![second.clone()], 4));
    assert_eq!(value(&all[0])["metadata"]["resourceVersion"], "2");
    assert_eq!((all[0].labels.get("app"), all[0].fields.get("spec.nodeName")), (Some("a"), Some("n1")));
    assert_eq!(store.write(put("c", Expect::Absent, 1)).await.unwrap().revision, 5);
}

#[tokio::test]
async fn a_change_is_refused_if_another_state_was_expected() {
    let store = on(&FakeDisk::default());
    let object = store.write(put("a", Expect::Absent, 1)).await.unwrap();
    assert_eq!(store.write(put("a", Expect::Absent, 2)).await, Err(WriteError::Exists(object.clone())));
    assert_eq!(store.write(put("a", Expect::Revision(9), 2)).await, Err(WriteError::Conflict(object.clone())));
    assert_eq!(store.write(put("b", Expect::Revision(9), 2)).await, Err(WriteError::NotFound(key("b"))));
    assert_eq!(store.write(delete("b")).await, Err(WriteError::NotFound(key("b"))));
    let stale = Change::Delete { key: key("a"), expect: Expect::Revision(9) };
    assert_eq!(store.write(stale).await, Err(WriteError::Conflict(object)));
    let unknown = Key { resource: "deployments.apps", ..key("a") };
    let unknown = store.write(Change::Delete { key: unknown, expect: Expect::Any }).await;
    assert_eq!(unknown, Err(WriteError::UnknownResource("deployments.apps")));
    assert_eq!(store.revision(), 1, "refused changes have no revision");
}

#[tokio::test]
async fn a_watcher_hears_of_what_it_asked_for_and_of_nothing_else() {
    let store = on(&FakeDisk::default());
    store.write(put("a", Expect::Any, 1)).await.unwrap();
    let mut watch = store.watch("pods", Some("default"), 1).unwrap();
    let mut all = store.watch("pods", None, 0).unwrap();
    let elsewhere = Key { namespace: "other".to_owned(), ..key("a") };
    let object = json!({"metadata": {}});
    let fields = Fields::default();
    let change = Change::Put { key: elsewhere, expect: Expect::Any, object, fields, expires_at: None };
    store.write(change).await.unwrap();
    assert_eq!(watch.progress(), 2);
    store.write(put("a", Expect::Any, 2)).await.unwrap();
    store.write(delete("a")).await.unwrap();
    let (modified, deleted) = ((EventKind::Modified, "a".to_owned(), 3), (EventKind::Deleted, "a".to_owned(), 4));
    assert_eq!(seen(&mut watch).await, [modified.clone(), deleted.clone()]);
    let added = |revision| (EventKind::Added, "a".to_owned(), revision);
    assert_eq!(seen(&mut all).await, [added(1), added(2), modified, deleted]);

    // One from the future waits for it.
    let mut future = store.watch("pods", None, 5).unwrap();
    store.write(put("x", Expect::Any, 1)).await.unwrap();
    store.write(put("y", Expect::Any, 1)).await.unwrap();
    assert_eq!(seen(&mut future).await, [(EventKind::Added, "y".to_owned(), 6)]);
}

#[tokio::test]
async fn after_a_restart_one_can_watch_from_the_newest_revision_and_from_none_before() {
    let disk = FakeDisk::default();
    let store = on(&disk);
    for name in ["a", "b", "c"] {
        store.write(put(name, Expect::Any, 1)).await.unwrap();
    }
    store.close().await;
    let store = on(&disk);
    let too_old = store.watch("pods", None, 2).err();
    assert_eq!(too_old, Some(TooOld { asked: 2, oldest: 3 }));
    assert_eq!(too_old.unwrap().to_string(), "too old resource version: 2 (3)");
    let mut watch = store.watch("pods", None, 3).unwrap();
    store.write(delete("b")).await.unwrap();
    assert_eq!(seen(&mut watch).await, [(EventKind::Deleted, "b".to_owned(), 4)]);
}

#[tokio::test]
async fn a_slow_watcher_is_dropped_and_one_that_keeps_up_is_not() {
    for history in [
        HistoryLimits { events: 10, bytes: 1 << 20, bytes_in_all: 1 << 20 },
        HistoryLimits { events: 1000, bytes: 2000, bytes_in_all: 1 << 20 },
        HistoryLimits { events: 1000, bytes: 1 << 20, bytes_in_all: 2000 },
    ] {
        let store =
            Store::start(FakeDisk::default().database().unwrap(), StoreOptions { history, ..options() }).unwrap();
        let (mut slow, mut quick) = (store.watch("pods", None, 0).unwrap(), store.watch("pods", None, 0).unwrap());
        let mut idle = store.watch("secrets", None, 0).unwrap();
        for number in 0..50 {
            store.write(put("a", Expect::Any, number)).await.unwrap();
            assert_eq!(seen(&mut quick).await.len(), 1);
        }
        assert!(matches!(next(&mut slow).await, Err(WatchEnd::TooOld(TooOld { asked: 0, .. }))), "{history:?}");
        assert_eq!(idle.progress(), 50, "what happens to other resources makes no watcher too old");
        store.close().await;
        assert_eq!(next(&mut quick).await.err(), Some(WatchEnd::Closed));
    }
}

#[tokio::test]
async fn a_list_is_still_there_as_of_an_older_revision() {
    let store = on(&FakeDisk::default());
    for name in ["a", "b", "c"] {
        store.write(put(name, Expect::Any, 1)).await.unwrap();
    }
    let (then, revision) = store.list("pods", Some("default"));
    store.write(delete("b")).await.unwrap();
    store.write(put("c", Expect::Any, 2)).await.unwrap();
    store.write(put("c", Expect::Any, 3)).await.unwrap();
    store.write(put("b", Expect::Any, 4)).await.unwrap();
    store.write(put("aa", Expect::Any, 1)).await.unwrap();
    assert_eq!(store.list_at("pods", Some("default"), revision).unwrap(), then);
    assert_eq!(store.list_at("pods", None, store.revision()).unwrap(), store.list("pods", None).0);
}

#[tokio::test]
async fn what_expires_is_deleted_for_all_to_see() {
    let disk = FakeDisk::default();
    let store = on(&disk);
    let mut watch = store.watch("pods", None, 0).unwrap();
    let with_expiry = |name: &str, wait: SignedDuration| match put(name, Expect::Any, 1) {
        Change::Put { key, expect, object, fields, .. } => {
            let expires_at = Some(Timestamp::now() + wait);
            Change::Put { key, expect, object, fields, expires_at }
        }
        other => other,
    };
    store.write(with_expiry("soon", SignedDuration::from_millis(20))).await.unwrap();
    store.write(with_expiry("late", SignedDuration::from_hours(1))).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 3 {
        events.extend(seen(&mut watch).await);
    }
    assert!(events.iter().any(|(kind, name, _)| *kind == EventKind::Deleted && name == "soon"), "{events:?}");
    assert_eq!(store.get(&key("soon")), None);

    // What has expired while the store was closed goes when it is open again.
    store.write(with_expiry("closed", SignedDuration::from_secs(-5))).await.unwrap();
    store.close().await;
    let store = on(&disk);
    let revision = store.revision();
    let mut watch = store.watch("pods", None, revision).unwrap();
    if store.get(&key("closed")).is_some() {
        assert_eq!(seen(&mut watch).await[0].1, "closed");
    }
    let (left, _) = store.list("pods", None);
    assert_eq!(left.iter().map(|object| object.key.name.as_str()).collect::<Vec<_>>(), ["late"]);
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_loses_none_that_was_made() {
    let disk = FakeDisk::default();
    let store = on(&disk);
    let a = store.write(put("a", Expect::Any, 1)).await.unwrap();
    disk.fail(Some(Failure::Writing));
    for _ in 0..2 {
        let refused = store.write(put("b", Expect::Any, "x".repeat(100_000))).await;
        assert!(matches!(refused, Err(WriteError::Storage(_))), "{refused:?}");
        assert_eq!(store.list("pods", None), (vec![a.clone()], 1), "what is not on the disk is seen by nobody");
    }
    disk.fail(None);
    let c = store.write(put("c", Expect::Any, 1)).await.unwrap();
    store.close().await;
    assert_eq!(on(&disk).list("pods", None), (vec![a, c], 2));
}

#[tokio::test]
async fn a_commit_that_is_on_a_disk_which_said_it_is_not_is_seen_later_and_once() {
    let disk = FakeDisk::default();
    let store = on(&disk);
    let mut watch = store.watch("pods", None, 0).unwrap();
    store.write(put("a", Expect::Any, 1)).await.unwrap();
    disk.fail(Some(Failure::Syncing));
    let unsure = store.write(put("b", Expect::Absent, 1)).await;
    assert!(matches!(unsure, Err(WriteError::Storage(_))), "{unsure:?}");
    disk.fail(None);
    let c = store.write(put("c", Expect::Absent, 1)).await.unwrap();
    let mut events = Vec::new();
    while events.last().is_none_or(|(_, name, _)| name != "c") {
        events.extend(seen(&mut watch).await);
    }
    let revisions: Vec<u64> = events.iter().map(|(_, _, revision)| *revision).collect();
    let expected: Vec<u64> = (1..=c.revision).collect();
    assert_eq!(revisions, expected);
    let listed = store.list("pods", None);
    assert_eq!(listed.0.len(), events.len());
    store.close().await;
    assert_eq!(on(&disk).list("pods", None), listed);
}

#[tokio::test]
async fn what_was_answered_survives_a_power_failure() {
    let mut disk = FakeDisk::default();
    for round in 0..20 {
        let store = on(&disk);
        let name = format!("pod-{round}");
        let written = store.write(put(&name, Expect::Absent, "x".repeat(round * 700))).await.unwrap();
        disk = disk.after_power_failure();
        let (all, revision) = on(&disk.after_power_failure()).list("pods", None);
        assert_eq!(revision, written.revision);
        assert!(all.contains(&written), "{name} was lost");
    }
}

#[tokio::test]
async fn a_file_that_was_much_longer_becomes_short_again_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.redb");
    let store = Store::open(&path, options()).unwrap();
    let kept = store.write(put("kept", Expect::Any, 1)).await.unwrap();
    let big = "x".repeat(1 << 20);
    let names: Vec<String> = (0..60).map(|number| format!("big-{number}")).collect();
    futures::future::join_all(names.iter().map(|name| store.write(put(name, Expect::Any, big.as_str())))).await;
    let longest = std::fs::metadata(&path).unwrap().len();
    assert!(longest > 60 << 20, "{longest}");
    futures::future::join_all(names.iter().map(|name| store.write(delete(name)))).await;
    // The writer compacts before it takes the next change, at the latest.
    store.write(put("after", Expect::Any, 1)).await.unwrap();
    store.write(put("after", Expect::Any, 2)).await.unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length < longest / 4, "{length} of {longest}");
    let listed = store.list("pods", None);
    assert_eq!(listed.0[1], kept);
    store.close().await;
    assert_eq!(Store::open(&path, options()).unwrap().list("pods", None), listed);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_that_says_so() {
    let disk = FakeDisk::default();
    let store = on(&disk);
    for number in 0..200 {
        store.write(put(&format!("pod-{number}"), Expect::Any, "some text".repeat(20))).await.unwrap();
    }
    store.close().await;
    drop(store);
    let mut refused = 0;
    for seed in 0..40 {
        let damaged = FakeDisk::default();
        disk.damage(|bytes| damaged.damage(|copy| copy.clone_from(bytes)));
        damaged.damage(|bytes| {
            let at = seed * bytes.len() / 40 + 17;
            let end = bytes.len().min(at + 600);
            bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        });
        match damaged.database().and_then(|database| Store::start(database, options())) {
            Ok(store) => assert_eq!(store.list("pods", None).0.len(), 200, "damage at {seed}/40 was not seen"),
            Err(error) => {
                assert!(error.to_string().contains("is damaged"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 10, "only {refused} of 40 were refused");
}

#[tokio::test]
async fn a_file_that_is_in_use_or_no_database_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.redb");
    let _store = Store::open(&path, options()).unwrap();
    let in_use = Store::open(&path, options()).err().unwrap();
    assert!(matches!(in_use, OpenError::InUse(_)), "{in_use}");
    assert!(in_use.to_string().contains("state.redb is in use"), "{in_use}");

    let other = folder.path().join("other.redb");
    std::fs::write(&other, "some text".repeat(1000)).unwrap();
    let none = Store::open(&other, options()).err().unwrap();
    assert!(matches!(none, OpenError::Damaged { .. }), "{none}");
}

/// Flips all bits, and puts the length of the name before them.
struct Flip;

impl Seal for Flip {
    fn seal<'a>(&self, key: &Key, plain: &'a [u8]) -> Result<std::borrow::Cow<'a, [u8]>, SealError> {
        let length = u8::try_from(key.name.len()).unwrap();
        Ok(std::iter::once(length).chain(plain.iter().map(|byte| !byte)).collect::<Vec<u8>>().into())
    }

    fn open<'a>(&self, key: &Key, sealed: &'a [u8]) -> Result<std::borrow::Cow<'a, [u8]>, SealError> {
        match sealed.split_first() {
            Some((length, rest)) if usize::from(*length) == key.name.len() => {
                Ok(rest.iter().map(|byte| !byte).collect::<Vec<u8>>().into())
            }
            _ => Err(SealError("it was sealed for something else".to_owned())),
        }
    }
}

#[tokio::test]
async fn sealed_objects_are_not_on_the_disk_in_plain_text() {
    let disk = FakeDisk::default();
    let sealed = || StoreOptions { seal: Arc::new(Flip), ..options() };
    let store = Store::start(disk.database().unwrap(), sealed()).unwrap();
    let secret = store.write(put("a", Expect::Any, "hush-hush")).await.unwrap();
    store.close().await;
    disk.damage(|bytes| assert!(!bytes.windows(9).any(|window| window == b"hush-hush")));
    let plain = Store::start(disk.database().unwrap(), options()).err().unwrap();
    assert!(matches!(plain, OpenError::Damaged { .. }), "{plain}");
    assert_eq!(Store::start(disk.database().unwrap(), sealed()).unwrap().get(&key("a")), Some(secret));
}
