//! What each namespace has from the beginning: a service account for Pods that name none, and the certificates that they
//! trust the API by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use reprise_core::unset::text;
use tokio::task::JoinSet;

use crate::cache::{Cache, ObjectKey};
use crate::caches::Caches;
use crate::error::{Error, unless_gone, unless_there};
use crate::queue::Queue;

const ACCOUNT: &str = "default";
const CONFIG_MAP: &str = "kube-root-ca.crt";
const CERTIFICATES: &str = "ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";
const AT_ONCE: usize = 4;

/// Keeps them in place.
pub(crate) struct Contents {
    client: Client,
    root_ca: Arc<str>,
    namespaces: Cache<Namespace>,
    accounts: Cache<ServiceAccount>,
    config_maps: Cache<ConfigMap>,
}

/// What a namespace lacks.
#[derive(Debug, PartialEq)]
enum Lack {
    Account,
    ConfigMap,
    /// It is there, with something else in it.
    OtherConfigMap(Box<ConfigMap>),
}

impl Contents {
    pub(crate) fn new(client: Client, caches: &Caches, root_ca: &str) -> Self {
        let namespaces = caches.namespaces.clone();
        Self { client, root_ca: root_ca.into(), namespaces, accounts: Cache::new(), config_maps: Cache::new() }
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        let mut tasks = JoinSet::new();
        let named = |name: &str| Config::default().fields(&format!("metadata.name={name}"));
        let (cache, api) = (self.accounts.clone(), Api::all(self.client.clone()));
        tasks.spawn(async move { cache.run(api, named(ACCOUNT)).await });
        let (cache, api) = (self.config_maps.clone(), Api::all(self.client.clone()));
        tasks.spawn(async move { cache.run(api, named(CONFIG_MAP)).await });
        tokio::join!(self.namespaces.ready(), self.accounts.ready(), self.config_maps.ready());

        let queue = Queue::new();
        let namespace = |key: ObjectKey| ObjectKey::new("", key.namespace);
        self.namespaces.enqueue(&mut tasks, &queue, |change| vec![ObjectKey::of(&**change)]);
        self.accounts.enqueue(&mut tasks, &queue, move |object| vec![namespace(ObjectKey::of(&**object))]);
        self.config_maps.enqueue(&mut tasks, &queue, move |object| vec![namespace(ObjectKey::of(&**object))]);
        let own = Arc::new(self);
        queue.run(AT_ONCE, move |key| own.clone().complete(key).boxed()).await;
    }

    async fn complete(self: Arc<Self>, key: ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(namespace) = self.namespaces.get(&key) else { return Ok(None) };
        let account = self.accounts.get(&ObjectKey::new(&key.name, ACCOUNT));
        let config_map = self.config_maps.get(&ObjectKey::new(&key.name, CONFIG_MAP));
        for lack in lacks(&namespace, account.as_deref(), config_map.as_deref(), &self.root_ca) {
            self.make(&key.name, lack).await?;
        }
        Ok(None)
    }

    async fn make(&self, namespace: &str, lack: Lack) -> Result<(), Error> {
        let parameters = PostParams::default();
        let metadata = |name: &str, annotations| ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations,
            ..ObjectMeta::default()
        };
        match lack {
            Lack::Account => {
                let account = ServiceAccount { metadata: metadata(ACCOUNT, None), ..ServiceAccount::default() };
                let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
                let answer = api.create(&parameters, &account).await;
                let made = unless_there(
                    answer.map_err(Error::call("create", format!("ServiceAccount {namespace}/{ACCOUNT}"))),
                )?;
                made.into_iter().for_each(|account| self.accounts.wrote(account));
            }
            Lack::ConfigMap => {
                let annotations = BTreeMap::from([("kubernetes.io/description".to_owned(), DESCRIPTION.to_owned())]);
                let metadata = metadata(CONFIG_MAP, Some(annotations));
                let object = ConfigMap { metadata, data: Some(self.data()), ..ConfigMap::default() };
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                let answer = api.create(&parameters, &object).await;
                let made =
                    unless_there(answer.map_err(Error::call("create", format!("ConfigMap {namespace}/{CONFIG_MAP}"))))?;
                made.into_iter().for_each(|object| self.config_maps.wrote(object));
            }
            Lack::OtherConfigMap(mut object) => {
                object.data = Some(self.data());
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                let answer = api.replace(CONFIG_MAP, &parameters, &object).await;
                let made =
                    unless_gone(answer.map_err(Error::call("replace", format!("ConfigMap {namespace}/{CONFIG_MAP}"))))?;
                made.into_iter().for_each(|object| self.config_maps.wrote(object));
            }
        }
        Ok(())
    }

    fn data(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(CERTIFICATES.to_owned(), self.root_ca.to_string())])
    }
}

fn lacks(
    namespace: &Namespace,
    account: Option<&ServiceAccount>,
    config_map: Option<&ConfigMap>,
    root_ca: &str,
) -> Vec<Lack> {
    let phase = namespace.status.as_ref().map(|status| text(&status.phase)).unwrap_or_default();
    let mut lacks = Vec::new();
    if namespace.metadata.deletion_timestamp.is_some() || phase == "Terminating" {
        return lacks;
    }
    if account.is_none() {
        lacks.push(Lack::Account);
    }
    let certificates = |object: &ConfigMap| object.data.as_ref().and_then(|data| data.get(CERTIFICATES)).cloned();
    match config_map {
        None => lacks.push(Lack::ConfigMap),
        Some(object) if certificates(object).as_deref() != Some(root_ca) => {
            lacks.push(Lack::OtherConfigMap(Box::new(object.clone())));
        }
        Some(_) => {}
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_namespace_gets_what_it_lacks_unless_it_is_going() {
        let (account, good) = (ServiceAccount::default(), json!({"data": {"ca.crt": "pem"}}));
        let good: ConfigMap = serde_json::from_value(good).unwrap();
        let other = ConfigMap::default();
        let mut namespace = Namespace::default();
        assert_eq!(lacks(&namespace, None, None, "pem"), [Lack::Account, Lack::ConfigMap]);
        assert_eq!(lacks(&namespace, Some(&account), Some(&good), "pem"), []);
        assert_eq!(lacks(&namespace, Some(&account), Some(&other), "pem"), [Lack::OtherConfigMap(Box::new(other))]);
        namespace.status = serde_json::from_value(json!({"phase": "Terminating"})).unwrap();
        assert_eq!(lacks(&namespace, None, None, "pem"), []);
    }
}
