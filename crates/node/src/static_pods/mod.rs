//! Static Pods: has the Pods run that a folder or a URL names, as long as it names them.
//!
//! ```text
//! folder (inotify, and every 20 s) --+
//!                                    +--> Pods that are wanted --core--> Pods to run, Pods to end
//! URL (every 20 s) ------------------+
//! ```
//!
//! What can't be read or understood changes nothing: the Pods that were there before go on.

mod admit;
mod folder;
mod reconcile;
mod url;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::node::Node;
use reconcile::Reconciler;

/// Where static Pods are from, in the kubelet's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPodConfig {
    /// A folder of manifests, or one manifest (`staticPodPath`); absolute.
    pub path: Option<PathBuf>,
    /// Where a manifest or a list of Pods can be had (`staticPodURL`).
    pub url: Option<String>,
    /// What is sent with the request for it (`staticPodURLHeader`).
    pub url_headers: Vec<(String, String)>,
    /// How often the folder is looked at beside when it changes (`fileCheckFrequency`).
    pub file_period: Duration,
    /// How often the URL is asked (`httpCheckFrequency`).
    pub http_period: Duration,
}

impl Default for StaticPodConfig {
    /// No sources; 20 s, as in Kubernetes.
    fn default() -> Self {
        let period = Duration::from_secs(20);
        Self { path: None, url: None, url_headers: Vec::new(), file_period: period, http_period: period }
    }
}

impl StaticPodConfig {
    /// Whether there is a source.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.path.is_some() || self.url.is_some()
    }
}

/// Begins, if there is a source; the tasks end with the node.
pub(crate) fn start(node: &Node) -> Vec<JoinHandle<()>> {
    let config = &node.config().static_pods;
    if !config.is_set() {
        return Vec::new();
    }
    let (fetched, texts) = mpsc::channel(1);
    let asking = config.url.clone().map(|url| tokio::spawn(url::ask(url, config.clone(), fetched)));
    let reconciling = tokio::spawn(Reconciler::new(node.downgrade(), config.clone(), texts).run());
    asking.into_iter().chain([reconciling]).collect()
}
