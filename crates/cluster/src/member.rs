//! A node's membership: its tasks.

use std::sync::Arc;

use kube::Client;
use reprise_node::{Node, NodeEvent};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::ClusterAccess;
use crate::context::Context;
use crate::options::MemberOptions;
use crate::{api_service, events, node_object, pods, runtime_classes};

/// A node that is a member of a cluster, until it is [shut down](Member::shutdown) or dropped.
#[derive(Debug)]
pub struct Member {
    tasks: JoinSet<()>,
    ready: watch::Receiver<bool>,
}

/// Makes `node` a member of the cluster that `client` reaches. `news` is all that the node has said since it was started
/// ([`Node::start_subscribed`]). The cluster need not answer: what it is to know is told when it does, and until then the Pods
/// that the node has go on.
pub async fn join(node: Node, news: UnboundedReceiver<NodeEvent>, client: Client, options: MemberOptions) -> Member {
    node.review_access(Arc::new(ClusterAccess::new(client.clone(), node.config().node_name.clone())));
    let context = Context::new(node, client, options);
    let (is_ready, ready) = watch::channel(false);
    let (happened, to_tell) = events::queue();
    let mut tasks = JoinSet::new();
    tasks.spawn(node_object::keep(Arc::clone(&context), is_ready, happened.clone()));
    tasks.spawn(runtime_classes::follow(Arc::clone(&context)));
    tasks.spawn(api_service::follow(Arc::clone(&context)));
    tasks.spawn(events::send(Arc::clone(&context), to_tell));
    tasks.spawn(pods::keep(context, news, happened));
    Member { tasks, ready }
}

impl Member {
    /// Waits until the cluster has this node, with a status that says that it is ready.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        // An error means that the membership is over: then it will never be.
        if ready.wait_for(|ready| *ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the cluster has this node with a status that says that it is ready, from now on; without an end once the membership
    /// is over.
    #[must_use]
    pub fn watch_ready(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    /// Leaves the cluster alone: nothing is told and taken any more. The node and its Pods go on.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}
