//! Durability: a process that writes is killed again and again, and what it was answered must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// How often it is killed.
const KILLS: usize = 50;
/// So many write at once, each its own objects.
const WRITERS: u64 = 6;
/// Set for the process that writes: the file.
const FILE: &str = "REPRISE_TEST_STORE_FILE";

fn options() -> StoreOptions {
    StoreOptions::new(vec!["pods"])
}

fn key(name: &str) -> Key {
    Key { resource: "pods", namespace: "default".to_owned(), name: name.to_owned() }
}

/// The process that is killed. Tells each answer in a line: what was done, the revision, the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = Store::open(Path::new(&path), options()).unwrap();
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write_on(store.clone(), writer)));
    futures::future::join_all(writers).await;
}

async fn write_on(store: Store, writer: u64) {
    let mut random = fastrand::Rng::new();
    loop {
        let name = format!("pod-{writer}-{}", random.u8(..20));
        let change = match random.u8(..5) {
            0 => Change::Delete { key: key(&name), expect: Expect::Any },
            _ => {
                let object = json!({"metadata": {"name": name}, "data": "x".repeat(random.usize(..6000))});
                Change::Put {
                    key: key(&name),
                    expect: Expect::Any,
                    object,
                    fields: Fields::default(),
                    expires_at: None,
                }
            }
        };
        let what = if matches!(change, Change::Put { .. }) { "put" } else { "deleted" };
        if let Ok(object) = store.write(change).await {
            let line = format!("ANSWER {what} {} {name} {}\n", object.revision, object.json.len());
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    }
}

/// What was answered last for each object: whether it is there, the revision, the length of its JSON.
type Answers = BTreeMap<String, (bool, u64, usize)>;

fn run_until_killed(path: &Path, answers: &mut Answers, revisions: &mut BTreeSet<u64>) {
    let arguments: [OsString; 3] =
        ["--exact".into(), "store::crash_tests::writes_until_it_is_killed".into(), "--nocapture".into()];
    let mut writing = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writing.stdout.take().unwrap()).lines();
    let kill_after = fastrand::usize(1..150);
    let mut heard = 0;
    // What it was answered before it was killed is in the pipe after that, too.
    for line in lines {
        let Ok(line) = line else { break };
        let Some((_, answer)) = line.split_once("ANSWER ") else { continue };
        let [what, revision, name, length] = answer.split(' ').collect::<Vec<_>>()[..] else { continue };
        let (revision, length): (u64, usize) = (revision.parse().unwrap(), length.parse().unwrap());
        assert!(revisions.insert(revision), "two changes have the revision {revision}");
        answers.insert(name.to_owned(), (what == "put", revision, length));
        heard += 1;
        if heard == kill_after {
            writing.kill().unwrap();
        }
    }
    writing.wait().unwrap();
    assert!(heard >= kill_after, "it ended by itself after {heard} answers");
}

/// Each writer waits for its answers, so at most one change of each may have been made without an answer.
fn check(store: &Store, answers: &Answers) {
    let mut unanswered = BTreeSet::new();
    for (name, answered) in answers {
        let found = store.get(&key(name)).map(|object| (object.revision, object.json.len()));
        let as_answered = match (*answered, found) {
            ((is_there, revision, length), Some(found)) => {
                assert!(found.0 >= revision, "{name} of revision {revision} is {} again", found.0);
                is_there && found == (revision, length)
            }
            ((is_there, ..), None) => !is_there,
        };
        let writer = name.split('-').nth(1).unwrap();
        assert!(as_answered || unanswered.insert(writer), "{name}: {answered:?} was answered, {found:?} is there");
    }
}

#[tokio::test]
async fn every_answered_write_is_there_after_fifty_kills() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.redb");
    let (mut answers, mut revisions) = (Answers::new(), BTreeSet::new());
    for _ in 0..KILLS {
        run_until_killed(&path, &mut answers, &mut revisions);
        let store = Store::open(&path, options()).unwrap();
        assert!(store.revision() >= *revisions.last().unwrap());
        check(&store, &answers);
        // What was not answered but made is the truth from now on.
        let known: Vec<String> = answers.keys().cloned().collect();
        for name in known {
            let left = store.get(&key(&name)).map(|object| (true, object.revision, object.json.len()));
            answers.insert(name, left.unwrap_or((false, store.revision(), 0)));
        }
        store.close().await;
    }
}
