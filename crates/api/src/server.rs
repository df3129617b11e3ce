//! What all requests share.

use std::sync::Arc;

use jiff::Timestamp;
use reprise_core::gates::FeatureGates;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::discovery::Discovery;
use crate::http::{FairQueue, Metrics};
use crate::openapi::OpenApi;
use crate::proxy::KubeletClient;
use crate::resources::{Context, Lookup, Resource, TABLE, find_stored};
use crate::security::Security;
use crate::security::audit::AuditLog;
use crate::store::{Key, Store};

/// What all requests share.
pub(crate) struct Server {
    /// All objects.
    pub store: Store,
    /// Who may do what.
    pub security: Security,
    /// Where each answered request is logged.
    pub audit: Option<AuditLog>,
    /// Asks nodes what is asked of their containers.
    pub kubelets: KubeletClient,
    /// The feature gates.
    pub gates: FeatureGates,
    /// Whether containers may be privileged.
    pub allow_privileged: bool,
    /// What there is to say of the kinds.
    pub discovery: Discovery,
    /// What there is to say of their fields.
    pub openapi: OpenApi,
    /// Who is served at the same time.
    pub queue: FairQueue,
    /// What was asked, counted.
    pub metrics: Metrics,
    /// Ends watches and connections.
    pub closing: CancellationToken,
}

/// The names under which the store keeps the kinds of the table.
#[must_use]
pub(crate) fn stored_resources() -> Vec<&'static str> {
    TABLE.iter().filter(|row| row.is_stored()).map(|row| row.stored_as).collect()
}

/// Other objects, read from the store.
pub(crate) struct Others<'a>(pub &'a Store);

impl Lookup for Others<'_> {
    fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = find_stored(resource)?.stored_as;
        let key = Key { resource, namespace: namespace.to_owned(), name: name.to_owned() };
        serde_json::from_slice(&self.0.get(&key)?.json).ok()
    }

    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Value> {
        let (objects, _) = self.0.list(resource, namespace);
        objects.iter().filter_map(|object| serde_json::from_slice(&object.json).ok()).collect()
    }
}

impl Server {
    /// What a kind may know.
    pub fn context<'a>(&self, resource: &'static Resource, others: &'a Others<'a>, now: Timestamp) -> Context<'a> {
        Context { resource, gates: self.gates, allow_privileged: self.allow_privileged, lookup: others, now }
    }
}

/// Shared by all connections.
pub(crate) type Shared = Arc<Server>;
