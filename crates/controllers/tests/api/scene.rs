//! An API and its controllers, for one test.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use reprise_api::security::certificates::Client as Who;
use reprise_api::{Api as Server, ApiConfig};
use reprise_controllers::{Controllers, Options};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Whatever is waited for comes within this time, or never.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Scene {
    pub client: Client,
    server: Server,
    controllers: Option<Controllers>,
    options: Options,
    _folder: TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with_grace(Duration::from_secs(40)).await
    }

    pub async fn with_grace(node_grace: Duration) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = ApiConfig::new(folder.path());
        config.listen = ([127, 0, 0, 1], 0).into();
        let server = Server::start(config).await.unwrap();
        let options = Options { node_grace, ..Options::new(server.certificates().authority_pem()) };
        let client = client(&server, &Who::Admin).await;
        let mut scene = Self { client, server, controllers: None, options, _folder: folder };
        scene.start_controllers().await;
        // Until then no Pod is admitted.
        scene
            .until("the default service account", async |scene: &Self| {
                let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = scene.api();
                accounts.get_opt("default").await.unwrap()
            })
            .await;
        scene
    }

    pub async fn start_controllers(&mut self) {
        let own = client(&self.server, &Who::Controllers).await;
        self.controllers = Some(reprise_controllers::start(own, self.options.clone()).await);
    }

    /// They end in the middle of whatever they do.
    pub fn kill_controllers(&mut self) {
        self.controllers = None;
    }

    pub async fn end(mut self) {
        self.kill_controllers();
        self.server.stop().await;
    }

    /// The objects of a kind in the namespace `default`.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), "default")
    }

    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api().create(&PostParams::default(), &object).await.unwrap()
    }

    pub async fn create_node(&self, name: &str, cpu: &str) {
        let node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {
                "allocatable": {"cpu": cpu, "memory": "1Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
            }
        });
        let node: Node = serde_json::from_value(node).unwrap();
        let nodes: Api<Node> = Api::all(self.client.clone());
        nodes.create(&PostParams::default(), &node).await.unwrap();
        if nodes.get(name).await.unwrap().status.is_none_or(|status| status.conditions.is_none()) {
            let status = json!({ "status": node.status });
            nodes.patch_status(name, &Default::default(), &kube::api::Patch::Merge(status)).await.unwrap();
        }
    }

    /// Waits until `look` finds something.
    pub async fn until<'s, T, F: Future<Output = Option<T>>>(&'s self, what: &str, look: impl Fn(&'s Self) -> F) -> T {
        let seen = tokio::time::timeout(LIMIT, async {
            loop {
                if let Some(found) = look(self).await {
                    return found;
                }
                // What is looked for comes from an API that also others change; its watches are tested elsewhere.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        seen.await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    /// `REASON message` of all events about `name`.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let parameters = ListParams::default().fields(&format!("involvedObject.name={name}"));
        let events = self.api::<Event>().list(&parameters).await.unwrap();
        let text = |event: Event| format!("{} {}", event.reason.unwrap_or_default(), event.message.unwrap_or_default());
        events.items.into_iter().map(text).collect()
    }

    pub async fn pods(&self) -> Vec<Pod> {
        self.api::<Pod>().list(&ListParams::default()).await.unwrap().items
    }
}

async fn client(server: &Server, who: &Who) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig(who).unwrap()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

pub fn pod(name: &str, cpu: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]}})
}
