//! A process that pulls is killed at any point: the next one finds an image as it was, or none.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use reprise_images::{ImageStore, Logins, Progress, ProgressSink};

use crate::image::{Compressed, Layer, push};
use crate::server::Registry;
use crate::{is_empty, three_layers};

const STORE: &str = "REPRISE_TEST_STORE";
const IMAGE: &str = "REPRISE_TEST_IMAGE";

/// A line on stdout for each step.
struct Told;

impl ProgressSink for Told {
    fn report(&self, progress: Progress) {
        println!("step {progress:?}");
    }
}

/// Not a test: the process that is killed.
#[tokio::test]
#[ignore = "run by the test below"]
async fn pull_and_tell() {
    let (Ok(store), Ok(image)) = (std::env::var(STORE), std::env::var(IMAGE)) else { return };
    let store = ImageStore::open(Path::new(&store)).unwrap();
    store.pull(&image, &Logins::none(), &Told).await.unwrap();
    println!("step done");
}

/// When the process dies: after so many steps of a kind, and then so long.
struct Moment {
    kind: &'static str,
    steps: usize,
    later: Duration,
}

impl Moment {
    /// The first 20 while layers are downloaded, the next 6 as they are unpacked, and then while the image is added.
    fn of(round: usize) -> Self {
        let moment = |kind, steps, later| Self { kind, steps, later: Duration::from_millis(later) };
        match round {
            0..20 => moment("step ", round, 0),
            20..26 => moment("step Unpacked", round - 19, 0),
            later => moment("step Unpacked", 6, later as u64 - 25),
        }
    }
}

fn pull_and_kill(store: &Path, image: &str, moment: &Moment) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::pull_and_tell", "--ignored", "--nocapture"])
        .env(STORE, store)
        .env(IMAGE, image)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The harness may write its own words in front of the first step.
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let seen = lines.filter(|line| line.contains(moment.kind)).take(moment.steps).count();
    assert_eq!(seen, moment.steps, "the pull ended by itself");
    // Any moment will do: this only spreads them.
    std::thread::sleep(moment.later);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_pull_that_is_killed_leaves_no_broken_image() {
    let registry = Registry::start();
    let mut layers: Vec<_> = three_layers().into();
    layers.extend((0..3).map(|n| (Layer::with_file(&format!("f{n}"), &[n; 700_000]), Compressed::Not)));
    push(&registry, "app", "1", &layers);
    let image = format!("{}/app:1", registry.host());
    let mut without = 0;
    for round in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        pull_and_kill(dir.path(), &image, &Moment::of(round));
        let store = ImageStore::open(dir.path()).unwrap();
        let found = store.list().unwrap();
        without += u32::from(found.is_empty());
        assert!(!found.is_empty() || is_empty(&store), "round {round} left something that no image needs");
        let pulled = store.pull(&image, &Logins::none(), &()).await.unwrap();
        assert!(found.is_empty() || found == [pulled.clone()], "round {round}");
        assert_eq!(std::fs::read(pulled.layers[5].join("f2")).unwrap(), [2; 700_000]);
        store.remove(pulled.id.as_str()).unwrap();
        assert!(is_empty(&store), "round {round}");
    }
    assert!(without > 10, "only {without} pulls were killed in the middle");
    println!("{without} of 40 had no image");
}
