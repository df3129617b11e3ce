//! Which kinds the API has.

use kube::Client;
use kube::core::ApiResource;
use kube::discovery::{Discovery, Scope, verbs};

use crate::error::Error;

/// A kind whose objects can be listed, watched and deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kind {
    pub(crate) resource: ApiResource,
    pub(crate) is_namespaced: bool,
    /// All of a namespace can be deleted at once.
    pub(crate) has_delete_collection: bool,
}

/// All of them, in one version each.
pub(crate) async fn discover(client: &Client) -> Result<Vec<Kind>, Error> {
    let discovery =
        Discovery::new(client.clone()).run_aggregated().await.map_err(Error::call("get", "the kinds of the API"))?;
    let mut kinds = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let can = |verb| capabilities.supports_operation(verb);
            if can(verbs::LIST) && can(verbs::WATCH) && can(verbs::DELETE) {
                let is_namespaced = capabilities.scope == Scope::Namespaced;
                kinds.push(Kind { resource, is_namespaced, has_delete_collection: can(verbs::DELETE_COLLECTION) });
            }
        }
    }
    Ok(kinds)
}
