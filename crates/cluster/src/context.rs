//! What all parts of a member share.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use reprise_node::Node;
use tokio::sync::{Notify, Semaphore, watch};

use crate::options::MemberOptions;
use crate::references::References;

/// How many calls about Pods may be under way at once: a node that comes back with all its Pods does not flood the API.
const CALLS: usize = 8;

/// A node and its cluster.
pub(crate) struct Context {
    pub node: Node,
    pub client: Client,
    /// The Node object's name.
    pub name: String,
    pub options: MemberOptions,
    pub references: References,
    pub calls: Semaphore,
    /// The Node object's UID, once it is known.
    pub node_uid: watch::Sender<Option<String>>,
    /// Whether the API has said where Pods reach it.
    pub api_service_known: watch::Sender<bool>,
    /// The API answers again after it was away.
    pub back: Notify,
}

impl Context {
    pub(crate) fn new(node: Node, client: Client, options: MemberOptions) -> Arc<Self> {
        let name = node.config().node_name.clone();
        let references = References::new(node.clone(), client.clone(), options.watch_seconds);
        Arc::new(Self {
            node,
            client,
            name,
            options,
            references,
            calls: Semaphore::new(CALLS),
            node_uid: watch::Sender::new(None),
            api_service_known: watch::Sender::new(false),
            back: Notify::new(),
        })
    }

    pub(crate) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }
}
