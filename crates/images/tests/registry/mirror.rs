//! Mirrors and plain-HTTP registries, set down in `hosts.toml`.

use std::fs;
use std::net::TcpListener;

use reprise_images::{Credentials, Digest, Error, ImageStore, Logins};
use tempfile::TempDir;

use crate::fake::{Fake, Mischief, blob_path};
use crate::image::{Compressed, Layer, push};
use crate::server::{Kind, PASSWORD, Registry, USER};
use crate::{is_empty, three_layers};

/// A store, and in the same folder the registries' configuration.
pub struct Configured {
    pub dir: TempDir,
    pub store: ImageStore,
}

impl Configured {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("registries");
        fs::create_dir(&config).unwrap();
        let store = ImageStore::open(&dir.path().join("store")).unwrap().with_registry_config(&config);
        Self { dir, store }
    }

    /// Sets down the hosts of a registry.
    pub fn hosts(&self, registry: &str, toml: &str) {
        let folder = self.dir.path().join("registries").join(registry);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("hosts.toml"), toml).unwrap();
    }

    pub async fn pull(&self, image: &str) -> Result<reprise_images::Image, Error> {
        self.store.pull(image, &Logins::none(), &()).await
    }
}

/// A port of this machine that nobody listens on.
fn dead() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[tokio::test]
async fn a_mirror_has_the_images_of_a_registry_that_is_never_asked() {
    let registry = Registry::start();
    let pushed = push(&registry, "team/app", "1", &three_layers());
    let configured = Configured::new();
    configured.hosts("registry.test", &format!("[host.'http://{}']", registry.host()));
    let image = configured.pull("registry.test/team/app:1").await.unwrap();
    assert_eq!(image.repo_tags, ["registry.test/team/app:1"]);
    let digest = format!("registry.test/team/app@{}", pushed.manifest);
    assert_eq!(image.repo_digests, std::slice::from_ref(&digest));
    assert_eq!(fs::read(image.layers[0].join("plain")).unwrap(), b"p");

    configured.store.remove(image.id.as_str()).unwrap();
    assert_eq!(configured.pull(&digest).await.unwrap().repo_digests, [digest]);
}

#[tokio::test]
async fn a_name_that_is_not_this_machine_can_be_a_plain_http_registry() {
    let registry = Registry::start();
    push(&registry, "app", "1", &three_layers());
    let configured = Configured::new();
    configured.hosts("_default", &format!("server = 'http://{}'", registry.host()));
    configured.pull("registry.test:5000/app:1").await.unwrap();
}

#[tokio::test]
async fn a_mirror_is_told_the_registry_and_the_registry_is_not() {
    let layer = Layer::with_file("x", b"x");
    let fake = Fake::start(&layer, None);
    let configured = Configured::new();
    configured.hosts("registry.test_5000_", &format!("[host.'http://{}']\nheader = {{X = 'y'}}", fake.host()));
    configured.pull("registry.test:5000/app:1").await.unwrap();
    let requests = fake.requests();
    assert_eq!(requests[0], "GET /v2/app/manifests/1?ns=registry.test%3A5000");
    assert!(requests.iter().all(|request| request.ends_with("?ns=registry.test%3A5000")), "{requests:?}");

    let direct = Fake::start(&layer, None);
    configured.pull(&direct.image()).await.unwrap();
    assert!(direct.requests().iter().all(|request| !request.contains('?')), "{:?}", direct.requests());
}

#[tokio::test]
async fn a_mirror_that_fails_is_passed_over() {
    let registry = Registry::start();
    push(&registry, "app", "1", &three_layers());
    let layer = Layer::with_file("x", b"x");
    let broken = Fake::start(&layer, None);
    broken.misbehave("/v2/app/manifests/1", 9, Mischief::Status(500));
    let configured = Configured::new();
    let mirrors = format!("[host.'{}']\n[host.'http://{}']\n", dead(), broken.host());
    configured.hosts("registry.test", &format!("server = 'http://{}'\n{mirrors}", registry.host()));
    configured.pull("registry.test/app:1").await.unwrap();
    // It has been asked for everything, as it may have a part of it.
    assert!(broken.requests().len() > 1, "{:?}", broken.requests());
}

#[tokio::test]
async fn what_every_host_said_is_told_and_the_last_one_decides() {
    let layer = Layer::with_file("x", b"x");
    let fake = Fake::start(&layer, None);
    let configured = Configured::new();
    let (first, last) = (dead(), fake.host());
    configured.hosts("registry.test", &format!("server = 'http://{last}'\n[host.'{first}']"));
    let error = configured.pull("registry.test/nothing:1").await.unwrap_err();
    assert!(matches!(error.decisive(), Error::NotFound { .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains(&last) && told.contains(first.trim_start_matches("http://")), "{told}");
    assert!(told.contains("cannot be reached"), "{told}");
    assert!(is_empty(&configured.store));
}

#[tokio::test]
async fn only_a_host_that_may_resolve_says_what_a_tag_is() {
    let layer = Layer::with_file("x", b"x");
    let (mirror, registry) = (Fake::start(&layer, None), Fake::start(&layer, None));
    let configured = Configured::new();
    let only_pull = format!("[host.'http://{}']\ncapabilities = ['pull']\n", mirror.host());
    configured.hosts("registry.test", &format!("server = 'http://{}'\n{only_pull}", registry.host()));
    configured.pull("registry.test/app:1").await.unwrap();
    let path = |request: &String| request.split(['?', ' ']).nth(1).unwrap().to_owned();
    assert_eq!(registry.requests().iter().map(path).collect::<Vec<_>>(), ["/v2/app/manifests/1"]);
    assert!(mirror.requests().iter().map(path).all(|path| path.starts_with("/v2/app/blobs/")));
    assert_eq!(mirror.requests().len(), 2);

    configured.hosts("registry.test", &format!("server = 'http://{}'\ncapabilities = ['push']", registry.host()));
    let error = configured.pull("registry.test/app:1").await.unwrap_err();
    assert!(matches!(error, Error::NoCapableHost { .. }), "{error:?}");
}

#[tokio::test]
async fn a_layer_that_one_host_lacks_or_has_damaged_comes_from_the_next() {
    for mischief in [Mischief::Status(404), Mischief::Junk(100), Mischief::CutOff] {
        let layer = Layer::with_file("x", &[7; 300_000]);
        let (mirror, registry) = (Fake::start(&layer, None), Fake::start(&layer, None));
        mirror.misbehave(&blob_path(layer.bytes()), 9, mischief);
        let configured = Configured::new();
        let hosts = format!("server = 'http://{}'\n[host.'http://{}']", registry.host(), mirror.host());
        configured.hosts("registry.test", &hosts);
        let image = configured.pull("registry.test/app:1").await.unwrap();
        assert_eq!(fs::read(image.layers[0].join("x")).unwrap(), [7; 300_000]);
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_digest_is_what_a_mirror_cannot_change() {
    let good = Registry::start();
    let pushed = push(&good, "app", "1", &three_layers());
    let bad = Registry::start();
    let there = push(&bad, "app", "1", &three_layers());
    let other = push(&bad, "app", "2", &[(Layer::with_file("evil", b"x"), Compressed::Gzip)]);
    assert_eq!(there.manifest, pushed.manifest);
    fs::copy(bad.blob_file(&other.manifest), bad.blob_file(&there.manifest)).unwrap();
    let configured = Configured::new();
    let hosts = format!("server = 'http://{}'\n[host.'http://{}']", good.host(), bad.host());
    configured.hosts("registry.test", &hosts);
    let image = configured.pull(&format!("registry.test/app@{}", pushed.manifest)).await.unwrap();
    assert!(!image.layers.iter().any(|layer| layer.join("evil").exists()));
}

#[tokio::test]
async fn a_registrys_credentials_are_not_shown_to_its_mirrors() {
    let (mirror, layer) = (Registry::start_as(Kind::Protected), Layer::with_file("x", b"x"));
    push(&mirror, "app", "1", &three_layers());
    let spy = Fake::start(&layer, Some("token"));
    let configured = Configured::new();
    let hosts = format!("[host.'http://{}']\n[host.'http://{}']\n[host.'{}']", spy.host(), mirror.host(), dead());
    configured.hosts("registry.test", &format!("server = '{}'\n{hosts}", dead()));
    let login = || Credentials::Basic { username: USER.to_owned(), password: PASSWORD.to_owned() };
    let logins = Logins::given(login(), None);
    // The name of this registry leads nowhere, so only a mirror could have given the image.
    spy.misbehave("/v2/app/manifests/1", 9, Mischief::Status(404));
    configured.store.pull("registry.test/app:1", &logins, &()).await.unwrap_err();
    let requests = spy.requests();
    assert!(requests.iter().all(|request| !request.contains("Basic")), "{requests:?}");

    let logins = Logins::given(login(), Some(&format!("http://{}", mirror.host())));
    configured.store.pull("registry.test/app:1", &logins, &()).await.unwrap();
    assert!(spy.requests().iter().all(|request| !request.contains("Basic")));
}

#[tokio::test]
async fn another_root_of_the_api_is_asked_as_it_is_written() {
    let registry = Registry::start();
    push(&registry, "proxy/app", "1", &three_layers());
    let configured = Configured::new();
    let host = format!("[host.'http://{}/v2/proxy']\noverride_path = true", registry.host());
    configured.hosts("registry.test", &host);
    let image = configured.pull("registry.test/app:1").await.unwrap();
    assert_eq!(image.repo_tags, ["registry.test/app:1"]);
}

#[tokio::test]
async fn a_mistake_in_the_file_is_no_pull_from_elsewhere() {
    let registry = Registry::start();
    push(&registry, "app", "1", &three_layers());
    let configured = Configured::new();
    configured.hosts(&registry.host(), "sever = 'https://mirror.example'");
    let error = configured.pull(&format!("{}/app:1", registry.host())).await.unwrap_err();
    assert!(error.to_string().contains("hosts.toml: sever = \"https://mirror.example\""), "{error}");
}

#[tokio::test]
async fn documents_have_a_bound() {
    let layer = Layer::with_file("x", b"x");
    let fake = Fake::start(&layer, None);
    let configured = Configured::new();
    fake.misbehave("/v2/app/manifests/1", 1, Mischief::Junk((8 << 20) + 1));
    let error = configured.pull(&fake.image()).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidImage { reason, .. } if reason.contains("longer than")), "{error:?}");
    fake.misbehave(&blob_path(layer.bytes()), 1, Mischief::Junk(layer.bytes().len() + 1));
    assert!(configured.pull(&fake.image()).await.is_err());
    assert!(is_empty(&configured.store));
    let unknown = format!("127.0.0.1:1/app@{}", Digest::of(b"x"));
    assert!(matches!(configured.pull(&unknown).await, Err(Error::Unreachable { .. })));
}
