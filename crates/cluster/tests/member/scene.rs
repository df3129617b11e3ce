//! An API, a node and a runtime of a test's own.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, Resource};
use reprise_api::security::certificates::Client as Who;
use reprise_api::{Api as Server, ApiConfig};
use reprise_cluster::{Connection, Member, MemberOptions, join};
use reprise_core::backoff::BackoffLimits;
use reprise_node::{HttpConfig, Node, NodeConfig, PodKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake_runtime::Fake;

/// Nothing in these tests takes longer.
pub const LIMIT: Duration = Duration::from_secs(30);
pub const NODE: &str = "node-1";

pub struct Scene {
    pub server: Option<Server>,
    pub address: SocketAddr,
    pub node: Option<(Node, Member)>,
    pub runtime: Fake,
    pub config: NodeConfig,
    pub admin: Client,
    pub folder: TempDir,
}

impl Scene {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A scene whose node's settings are changed first.
    pub async fn start_with(change: impl FnOnce(&mut NodeConfig)) -> Self {
        // What the member says is seen when a test fails.
        drop(tracing_subscriber::fmt().with_env_filter("warn,reprise_cluster=debug").with_test_writer().try_init());
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), "127.0.0.1:0".parse().unwrap()).await;
        let address = server.address();
        for (who, file) in [(Who::Admin, "admin"), (Who::Node(NODE.to_owned()), "node")] {
            std::fs::write(folder.path().join(file), server.kubeconfig(&who).unwrap()).unwrap();
        }
        let runtime = Fake::start(folder.path()).await;
        let mut config = NodeConfig::new(folder.path().join("data"), &runtime.socket);
        config.node_name = NODE.to_owned();
        config.in_cluster = true;
        config.host_ip = Some("127.0.0.1".to_owned());
        config.http = Some(HttpConfig { client_ca_file: None, ..HttpConfig::new("127.0.0.1:0".parse().unwrap()) });
        config.limits =
            BackoffLimits { initial: SignedDuration::from_millis(20), max: SignedDuration::from_millis(100) };
        change(&mut config);
        let admin = Connection::of_file(&folder.path().join("admin")).await.unwrap().client;
        let mut scene = Self { server: Some(server), address, node: None, runtime, config, admin, folder };
        scene.start_node().await;
        scene
    }

    pub async fn start_node(&mut self) {
        // Tasks of a killed one may have the folder a moment longer.
        let started = eventually(async || Node::start_subscribed(self.config.clone()).await.ok()).await;
        let (node, news) = started.expect("the node starts");
        let client = Connection::of_file(&self.folder.path().join("node")).await.unwrap().client;
        let member = join(node.clone(), news, client, MemberOptions::default()).await;
        self.node = Some((node, member));
    }

    pub fn node(&self) -> &Node {
        &self.node.as_ref().unwrap().0
    }

    pub fn member(&self) -> &Member {
        &self.node.as_ref().unwrap().1
    }

    /// The agent is gone from one moment to the next.
    pub async fn kill_node(&mut self) {
        let (node, member) = self.node.take().unwrap();
        member.shutdown().await;
        node.abandon().await;
    }

    pub async fn stop_api(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    pub async fn start_api(&mut self) {
        self.server = Some(serve(self.folder.path(), self.address).await);
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.admin.clone())
    }

    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::default_namespaced(self.admin.clone())
    }

    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>().create(&PostParams::default(), &object).await.unwrap()
    }

    /// Has the API take in a Pod that is placed on the node.
    pub async fn run(&self, name: &str, spec: Value) -> Pod {
        self.create(pod(name, spec)).await
    }

    pub async fn delete(&self, name: &str, grace: Option<u32>) {
        let parameters = DeleteParams { grace_period_seconds: grace, ..DeleteParams::default() };
        self.pods().delete(name, &parameters).await.unwrap();
    }

    /// Waits until `holds` of the status that the API has of the Pod.
    pub async fn until(&self, name: &str, what: &str, holds: impl Fn(&PodStatus) -> bool) -> Pod {
        let found = eventually(async || {
            let pod = self.pods().get_opt(name).await.ok().flatten()?;
            pod.status.as_ref().is_some_and(&holds).then_some(pod)
        });
        match found.await {
            Some(pod) => pod,
            None => panic!("{name} not within {LIMIT:?}: {what}: {:#?}", self.pods().get_opt(name).await),
        }
    }

    pub async fn phase(&self, name: &str, phase: &str) -> Pod {
        self.until(name, phase, |status| status.phase.as_deref() == Some(phase)).await
    }

    /// Waits until neither API nor node has the Pod.
    pub async fn gone(&self, name: &str) {
        let gone = eventually(async || {
            let at_api = self.pods().get_opt(name).await.ok()?;
            let here = self.node().pod(&key(name));
            (at_api.is_none() && here.is_none()).then_some(())
        });
        assert!(gone.await.is_some(), "{name} is not gone: {:#?}", self.pods().get_opt(name).await);
    }

    pub async fn end(mut self) {
        if let Some((node, member)) = self.node.take() {
            member.shutdown().await;
            node.shutdown().await;
        }
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

async fn serve(folder: &Path, listen: SocketAddr) -> Server {
    let mut config = ApiConfig::new(folder.join("api"));
    config.listen = listen;
    Server::start(config).await.unwrap()
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> Option<T> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, asking).await.ok()
}

pub fn key(name: &str) -> PodKey {
    name.parse().unwrap()
}

pub fn pod(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["nodeName"] = json!(NODE);
    spec["automountServiceAccountToken"] = json!(false);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

/// A Pod of one container, `main`, that runs until a test says otherwise.
pub fn plain(restart_policy: &str) -> Value {
    json!({"restartPolicy": restart_policy, "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "busybox:1"}]})
}

pub fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a str> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind).map(|c| c.status.as_str())
}

pub fn restarts(status: &PodStatus) -> i32 {
    status.container_statuses.iter().flatten().map(|c| c.restart_count).sum()
}
