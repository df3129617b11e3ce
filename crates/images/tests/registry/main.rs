//! Pulling from a real registry: Debian's package `docker-registry`, on loopback.

// What fails here fails a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fake;
mod image;
mod killed;
mod login;
mod mirror;
mod server;
mod tls;

use std::fs;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fake::{Fake, Mischief, blob_path};
use image::{Compressed, INDEX, Layer, push, push_for};
use reprise_images::{Credentials, Digest, DockerConfig, Error, ImageStore, Logins, Progress, ProgressSink};
use serde_json::json;
use server::{Kind, PASSWORD, Registry, USER};
use tempfile::TempDir;
use tokio::sync::mpsc;

fn store() -> (TempDir, ImageStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path()).unwrap();
    (dir, store)
}

fn three_layers() -> [(Layer, Compressed); 3] {
    [
        (Layer::with_file("plain", b"p"), Compressed::Not),
        (Layer::with_file("gzip", &[b'g'; 200_000]), Compressed::Gzip),
        (Layer::with_file("dir/zstd", &[b'z'; 200_000]), Compressed::Zstd),
    ]
}

/// Nothing of an image, and nothing temporary, is in the store.
fn is_empty(store: &ImageStore) -> bool {
    let empty = |folder: &str| fs::read_dir(store.dir().join(folder)).unwrap().next().is_none();
    let files = fs::read_dir(store.dir()).unwrap().flatten().map(|entry| entry.file_name());
    let own = ["config", "index.json", "l", "leases", "lock", "locks", "tmp"];
    files.into_iter().all(|name| own.iter().any(|own| name == *own))
        && store.list().unwrap().is_empty()
        && ["l", "tmp", "locks", "config", "leases"].into_iter().all(empty)
}

#[derive(Default)]
struct Steps(Mutex<Vec<Progress>>);

impl ProgressSink for Steps {
    fn report(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }
}

impl Steps {
    fn present(&self) -> Vec<bool> {
        let steps = self.0.lock().unwrap();
        let resolved = steps.iter().find_map(|step| match step {
            Progress::Resolved { layers, .. } => Some(layers.iter().map(|layer| layer.present).collect()),
            _ => None,
        });
        resolved.expect("the layers were reported")
    }

    fn unpacked(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|step| matches!(step, Progress::Unpacked { .. })).count()
    }
}

#[tokio::test]
async fn an_image_is_pulled_by_tag_and_by_digest() {
    let registry = Registry::start();
    let pushed = push(&registry, "team/app", "1", &three_layers());
    let (_dir, store) = store();
    let (tag, digest) =
        (format!("{}/team/app:1", registry.host()), format!("{}/team/app@{}", registry.host(), pushed.manifest));

    // Servers pull in tasks that move between threads.
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let steps = Steps::default();
    let image = sendable(store.pull(&tag, &Logins::none(), &steps)).await.unwrap();
    assert_eq!(image.repo_tags, std::slice::from_ref(&tag));
    assert_eq!(image.repo_digests, std::slice::from_ref(&digest));
    assert_eq!(image.entrypoint(), ["/run"]);
    assert_eq!(fs::read(image.layers[0].join("plain")).unwrap(), b"p");
    assert_eq!(fs::read(image.layers[1].join("gzip")).unwrap(), [b'g'; 200_000]);
    assert_eq!(fs::read(image.layers[2].join("dir/zstd")).unwrap(), [b'z'; 200_000]);
    assert_eq!((steps.present(), steps.unpacked()), (vec![false; 3], 3));

    let steps = Steps::default();
    assert_eq!(store.pull(&digest, &Logins::none(), &steps).await.unwrap(), image);
    assert_eq!((steps.present(), steps.unpacked()), (vec![true; 3], 0));
    assert_eq!(store.resolve(&digest).unwrap(), Some(image));
}

#[tokio::test]
async fn a_tag_that_moved_is_pulled_again_and_keeps_shared_layers() {
    let registry = Registry::start();
    let base = || (Layer::with_file("base", b"b"), Compressed::Gzip);
    push(&registry, "app", "latest", &[base()]);
    let name = format!("{}/app", registry.host());
    let (_dir, store) = store();
    let old = store.pull(&name, &Logins::none(), &()).await.unwrap();
    push(&registry, "app", "latest", &[base(), (Layer::with_file("new", b"n"), Compressed::Gzip)]);
    let steps = Steps::default();
    let new = store.pull(&name, &Logins::none(), &steps).await.unwrap();
    assert_eq!(steps.present(), [true, false]);
    assert_eq!(new.layers[0], old.layers[0]);
    assert_eq!(store.resolve(&name).unwrap().unwrap().id, new.id);
    let old = store.resolve(old.id.as_str()).unwrap().unwrap();
    assert_eq!((old.repo_tags.len(), old.repo_digests.len()), (0, 1));
}

#[tokio::test]
async fn an_index_gives_the_image_for_this_machine() {
    let registry = Registry::start();
    let other = push_for(&registry, "app", "", &[(Layer::with_file("x", b"other"), Compressed::Gzip)], "s390x");
    let own = push(&registry, "app", "", &[(Layer::with_file("x", b"own"), Compressed::Gzip)]);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other.descriptor, own.descriptor]});
    let digest = registry.push_manifest("app", "multi", &index);
    let foreign = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other.descriptor]});
    registry.push_manifest("app", "foreign", &foreign);
    let (_dir, store) = store();

    let image = store.pull(&format!("{}/app:multi", registry.host()), &Logins::none(), &()).await.unwrap();
    assert_eq!(fs::read(image.layers[0].join("x")).unwrap(), b"own");
    assert_eq!(image.repo_digests, [format!("{}/app@{digest}", registry.host())]);

    for reference in [format!("{}/app:foreign", registry.host()), format!("{}/app@{}", registry.host(), other.manifest)]
    {
        let error = store.pull(&reference, &Logins::none(), &()).await.unwrap_err();
        let Error::NoMatchingPlatform { available, .. } = &error else { panic!("{error:?}") };
        assert_eq!(available, "linux/s390x");
    }
}

#[tokio::test]
async fn what_the_registry_does_not_have_is_not_found() {
    let registry = Registry::start();
    push(&registry, "app", "1", &three_layers());
    let (_dir, store) = store();
    let unknown = Digest::of(b"unknown");
    for reference in ["app:2".to_owned(), "nothing:1".to_owned(), format!("app@{unknown}")] {
        let error = store.pull(&format!("{}/{reference}", registry.host()), &Logins::none(), &()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{reference}: {error:?}");
    }
    assert!(is_empty(&store));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_dir, store) = store();
    let error = store.pull(&format!("localhost:{port}/app"), &Logins::none(), &()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let error = store.pull("not an image", &Logins::none(), &()).await.unwrap_err();
    assert!(matches!(error, Error::InvalidReference { .. }), "{error:?}");
}

#[tokio::test]
async fn content_that_was_tampered_with_never_becomes_an_image() {
    let registry = Registry::start();
    let pushed = push(&registry, "app", "1", &three_layers());
    let (_dir, store) = store();
    let name = format!("{}/app:1", registry.host());
    for (layer, damage) in [(0, 600), (1, 30), (2, 20)] {
        let file = registry.blob_file(&pushed.layers[layer]);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[damage] ^= 1;
        fs::write(&file, &bad).unwrap();
        let error = store.pull(&name, &Logins::none(), &()).await.unwrap_err();
        assert!(matches!(error, Error::DigestMismatch { .. } | Error::Unpack { .. }), "layer {layer}: {error:?}");
        fs::write(&file, &good[..good.len() / 2]).unwrap();
        assert!(store.pull(&name, &Logins::none(), &()).await.is_err(), "half of layer {layer} was taken");
        assert!(is_empty(&store), "layer {layer} left something");
        fs::write(&file, &good).unwrap();
    }
    store.pull(&name, &Logins::none(), &()).await.unwrap();
}

#[tokio::test]
async fn a_manifest_that_is_not_the_one_asked_for_is_refused() {
    let registry = Registry::start();
    let pushed = push(&registry, "app", "1", &three_layers());
    let other = push(&registry, "app", "2", &[(Layer::with_file("x", b"x"), Compressed::Gzip)]);
    fs::copy(registry.blob_file(&other.manifest), registry.blob_file(&pushed.manifest)).unwrap();
    let (_dir, store) = store();
    let error =
        store.pull(&format!("{}/app@{}", registry.host(), pushed.manifest), &Logins::none(), &()).await.unwrap_err();
    assert!(!matches!(error, Error::NotFound { .. } | Error::Unreachable { .. }), "{error:?}");
    assert!(is_empty(&store));
}

#[tokio::test]
async fn a_registry_with_a_login_wants_the_right_credentials() {
    let registry = Registry::start_as(Kind::Protected);
    push(&registry, "private", "1", &three_layers());
    let (dir, store) = store();
    let name = format!("{}/private:1", registry.host());

    let error = store.pull(&name, &Logins::none(), &()).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { hint, .. } if hint.contains("no credentials")), "{error:?}");
    let wrong = Credentials::Basic { username: USER.to_owned(), password: "wrong".to_owned() };
    let error = store.pull(&name, &Logins::given(wrong, None), &()).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { hint, .. } if hint.contains("are wrong")), "{error:?}");

    let path = dir.path().join("config.json");
    let auths = json!({"auths": {registry.host(): {"username": USER, "password": PASSWORD}}});
    fs::write(&path, auths.to_string()).unwrap();
    let config = DockerConfig::read(&path).unwrap();
    store.pull(&name, &Logins::from_config(config), &()).await.unwrap();
}

#[tokio::test]
async fn two_pulls_at_once_download_each_layer_once() {
    let registry = Registry::start();
    push(&registry, "app", "1", &three_layers());
    let (_dir, store) = store();
    let other = ImageStore::open(store.dir()).unwrap();
    let name = format!("{}/app:1", registry.host());
    let (first, second) = (Steps::default(), Steps::default());
    let nobody = Logins::none();
    let (one, two) = tokio::join!(store.pull(&name, &nobody, &first), other.pull(&name, &nobody, &second));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(first.unpacked() + second.unpacked(), 3);
}

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_nothing() {
    struct First(mpsc::UnboundedSender<()>);
    impl ProgressSink for First {
        fn report(&self, progress: Progress) {
            if matches!(progress, Progress::Downloaded { .. }) {
                let _ = self.0.send(());
            }
        }
    }
    let registry = Registry::start();
    let noise: Vec<u8> = (0..4_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    push(&registry, "app", "1", &[(Layer::with_file("big", &noise), Compressed::Not)]);
    let (_dir, store) = store();
    let name = format!("{}/app:1", registry.host());
    let (sender, mut started) = mpsc::unbounded_channel();
    let (sink, nobody) = (First(sender), Logins::none());
    tokio::select! {
        biased;
        _ = started.recv() => {}
        pulled = store.pull(&name, &nobody, &sink) => panic!("pulled before it could be given up: {pulled:?}"),
    }
    // The thread that unpacks notices, and takes its folder with it.
    let start = Instant::now();
    while !is_empty(&store) {
        assert!(start.elapsed() < Duration::from_secs(20), "something is left of the pull");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.pull(&name, &Logins::none(), &()).await.unwrap();
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_asks_for_one() {
    let layer = Layer::with_file("x", b"x");
    let fake = Fake::start(&layer, Some("let-me-in"));
    let (_dir, store) = store();
    let image = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap();
    assert_eq!(fs::read(image.layers[0].join("x")).unwrap(), b"x");
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_but_not_for_ever() {
    let layer = Layer::with_file("x", &[7; 500_000]);
    let fake = Fake::start(&layer, None);
    let (_dir, store) = store();
    fake.misbehave(&blob_path(layer.bytes()), 9, Mischief::CutOff);
    let error = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(is_empty(&store));
    fake.misbehave(&blob_path(layer.bytes()), 1, Mischief::CutOff);
    let image = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap();
    assert_eq!(fs::read(image.layers[0].join("x")).unwrap(), [7; 500_000]);
}

#[tokio::test]
async fn what_a_registry_answers_is_told_apart() {
    let layer = Layer::with_file("x", b"x");
    let fake = Fake::start(&layer, None);
    let (_dir, store) = store();
    for status in [401, 403, 404, 429, 500] {
        fake.misbehave("/v2/app/manifests/1", 1, Mischief::Status(status));
        let error = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap_err();
        let fits = match status {
            401 | 403 => matches!(error, Error::Unauthorized { .. }),
            404 => matches!(error, Error::NotFound { .. }),
            429 => matches!(error, Error::TooManyRequests { .. }),
            _ => matches!(&error, Error::Registry { message, .. } if message.contains("500")),
        };
        assert!(fits, "{status}: {error:?}");
    }
    fake.misbehave(&blob_path(layer.bytes()), 1, Mischief::Status(404));
    let error = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    assert!(is_empty(&store));
}
