//! The API is killed under write load, again and again: every write that was answered must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use reprise_testkit::reprise_path;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const KILLS: usize = 50;
/// So many write at once, each its own objects.
const WRITERS: usize = 6;
/// Objects of each.
const OBJECTS: usize = 8;
/// Answers between a start and a kill are at most so many.
const MOST_ANSWERS: usize = 120;

/// What is known of one writer's objects.
#[derive(Debug, Default)]
struct Known {
    /// The value and version of each object that is there, as it was answered.
    answered: BTreeMap<String, (String, u64)>,
    /// The request that was not answered: the object, and its value unless it is to be deleted.
    asked: Option<(String, Option<String>)>,
}

/// A running API.
struct Running {
    child: Child,
    kubeconfig: PathBuf,
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(reprise_path())
            .args(["up", "--no-node", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let kubeconfig = lines.find_map(|line| line.strip_prefix("export KUBECONFIG=").map(PathBuf::from));
        let kubeconfig = kubeconfig.expect("the API starts again");
        Self { child, kubeconfig }
    }

    async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It was killed before, unless the test has failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn version(object: &ConfigMap) -> u64 {
    object.metadata.resource_version.as_deref().unwrap().parse().unwrap()
}

fn value(object: &ConfigMap) -> String {
    object.data.as_ref().unwrap()["value"].clone()
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.name = Some(name.to_owned());
    object.data = Some([("value".to_owned(), value.to_owned())].into());
    object
}

/// Creates, replaces and deletes until the API does not answer any more.
async fn write(
    api: Api<ConfigMap>,
    writer: usize,
    round: usize,
    known: Arc<Mutex<Known>>,
    heard: UnboundedSender<u64>,
) {
    for count in 0.. {
        let name = format!("w{writer}-{}", (count * 5 + round) % OBJECTS);
        let is_there = known.lock().unwrap().answered.contains_key(&name);
        let deletes = is_there && count % 3 == 2;
        let value = format!("{round}-{count}-{}", "x".repeat(count * 37 % 3000));
        known.lock().unwrap().asked = Some((name.clone(), (!deletes).then(|| value.clone())));
        let object = config_map(&name, &value);
        let answer = match (deletes, is_there) {
            (true, _) => api.delete(&name, &DeleteParams::default()).await.map(|_| None),
            (false, true) => api.replace(&name, &PostParams::default(), &object).await.map(Some),
            (false, false) => api.create(&PostParams::default(), &object).await.map(Some),
        };
        let mut known = known.lock().unwrap();
        let told = match answer {
            Ok(Some(object)) => {
                let version = version(&object);
                known.answered.insert(name, (value, version));
                version
            }
            Ok(None) => known.answered.remove(&name).map_or(0, |(_, version)| version),
            Err(kube::Error::Api(status)) => panic!("{name}: {status}"),
            // It was killed: what was asked last is not answered.
            Err(_) => return,
        };
        known.asked = None;
        if heard.send(told).is_err() {
            return;
        }
    }
}

/// Compares what is there with what one writer knows, and takes over what was made without an answer.
fn check(found: &BTreeMap<String, (String, u64)>, writer: usize, known: &mut Known) {
    let names: BTreeSet<String> = (0..OBJECTS).map(|number| format!("w{writer}-{number}")).collect();
    let asked = known.asked.take();
    for name in names {
        let (is, was) = (found.get(&name), known.answered.get(&name));
        if is == was {
            continue;
        }
        let wanted = asked.as_ref().filter(|(asked, _)| *asked == name).map(|(_, value)| value.as_ref());
        assert_eq!(wanted, Some(is.map(|(value, _)| value)), "{name}: {was:?} was answered, {is:?} is there");
        match is {
            Some(is) => known.answered.insert(name, is.clone()),
            None => known.answered.remove(&name),
        };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_write_is_there_after_fifty_kills() {
    let folder = TempDir::new().unwrap();
    let known: Vec<Arc<Mutex<Known>>> = (0..WRITERS).map(|_| Arc::default()).collect();
    let mut newest = 0;
    for round in 0..=KILLS {
        let mut running = Running::start(folder.path());
        let api: Api<ConfigMap> = Api::namespaced(running.client().await, "default");
        let list = api.list(&ListParams::default()).await.unwrap();
        let listed: u64 = list.metadata.resource_version.as_deref().unwrap().parse().unwrap();
        assert!(listed >= newest, "revision {newest} was answered, {listed} is the newest now");
        let written = |object: &&ConfigMap| object.metadata.name.as_ref().is_some_and(|name| name.starts_with('w'));
        let found = list.items.iter().filter(written);
        let found =
            found.map(|object| (object.metadata.name.clone().unwrap(), (value(object), version(object)))).collect();
        for (writer, known) in known.iter().enumerate() {
            check(&found, writer, &mut known.lock().unwrap());
        }
        if round == KILLS {
            break;
        }
        let (heard, mut hears) = unbounded_channel();
        let mut writers = Vec::new();
        for (writer, known) in known.iter().enumerate() {
            writers.push(tokio::spawn(write(api.clone(), writer, round, known.clone(), heard.clone())));
        }
        for _ in 0..1 + round * 41 % MOST_ANSWERS {
            newest = newest.max(hears.recv().await.expect("an answer"));
        }
        running.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        while let Ok(told) = hears.try_recv() {
            newest = newest.max(told);
        }
    }
}
