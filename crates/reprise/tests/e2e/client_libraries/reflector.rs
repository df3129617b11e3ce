//! A reflector's knowledge is right again after it was cut off for longer than the API remembers, and after the API was
//! started anew.

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use reprise_testkit::Node;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::proxy::Proxy;
use super::up::{Up, port};
use crate::scene::LIMIT;

/// What a write adds to the API's memory of events, in bytes.
const BIG: usize = 900 * 1024;
/// So many of them are more than it remembers.
const MANY: usize = 40;

/// A reflector of config maps, and what it was told.
struct Reflector {
    store: Store<ConfigMap>,
    told: UnboundedReceiver<Result<(), watcher::Error>>,
    task: JoinHandle<()>,
    expired: usize,
}

impl Reflector {
    fn start(client: Client, config: watcher::Config) -> Self {
        let (store, writer) = reflector::store();
        let (sender, told) = unbounded_channel();
        let events = watcher(Api::<ConfigMap>::namespaced(client, "default"), config);
        let task = tokio::spawn(events.default_backoff().reflect(writer).for_each(move |event| {
            // Nobody listens at the end of the test.
            sender.send(event.map(drop)).ok();
            std::future::ready(())
        }));
        Self { store, told, task, expired: 0 }
    }

    /// Waits until it knows of exactly these, besides what every namespace has.
    async fn knows(&mut self, names: &[&str]) {
        let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        while self.names() != wanted {
            let told = timeout(LIMIT, self.told.recv()).await;
            match told.unwrap_or_else(|_| panic!("it knows of {:?}, not of {wanted:?}", self.names())).unwrap() {
                Err(watcher::Error::WatchError(status)) if status.code == 410 => self.expired += 1,
                // What else goes wrong while the API is away does not matter.
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn names(&self) -> BTreeSet<String> {
        let names = self.store.state().into_iter().map(|object| object.metadata.name.clone().unwrap());
        names.filter(|name| name != "kube-root-ca.crt").collect()
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn create(api: &Api<ConfigMap>, name: &str) {
    let object: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

async fn delete(api: &Api<ConfigMap>, name: &str) {
    ok(api.delete(name, &DeleteParams::default()).await);
}

#[track_caller]
fn ok<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap()
}

async fn knows_all_again(config: watcher::Config) {
    let node = Node::new();
    let up = Up::start(&node, &["--no-node"]);
    let proxy = Proxy::to(port(&node)).await;
    let api: Api<ConfigMap> = Api::namespaced(up.client(None).await, "default");
    let mut reflector = Reflector::start(up.client(Some(proxy.port)).await, config);
    create(&api, "a").await;
    create(&api, "big").await;
    reflector.knows(&["a", "big"]).await;

    proxy.cut();
    create(&api, "b").await;
    delete(&api, "a").await;
    for number in 0..MANY {
        let big = json!({ "data": { "big": format!("{number}{}", "x".repeat(BIG)) } });
        ok(api.patch("big", &PatchParams::default(), &Patch::Merge(&big)).await);
    }
    assert_eq!(reflector.names(), BTreeSet::from(["a".to_owned(), "big".to_owned()]));
    proxy.mend();
    reflector.knows(&["b", "big"]).await;
    assert_eq!(reflector.expired, 1, "what it missed was forgotten, and it was told so once");

    up.end();
    let up = Up::start(&node, &["--no-node"]);
    let api: Api<ConfigMap> = Api::namespaced(up.client(None).await, "default");
    create(&api, "c").await;
    delete(&api, "b").await;
    reflector.knows(&["big", "c"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reflector_that_lists_and_watches_knows_all_again() {
    knows_all_again(watcher::Config::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reflector_that_is_sent_the_list_by_the_watch_knows_all_again() {
    knows_all_again(watcher::Config::default().streaming_lists()).await;
}
