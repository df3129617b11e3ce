//! The decision, with what is stored now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::decision::{Decision, forbidden};
use super::node::{NodeQuestion, node_name, node_question};
use super::pod_graph::{Dependency, DependencyKind, PodGraph};
use super::policy::Policy;
use super::user_groups::{is_master, may_be_anonymous};
use crate::access::{Request, ResourceRequest, User};
use crate::request::equalities;
use crate::security::follow::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Follower, News, PODS, ROLE_BINDINGS, ROLES, VOLUMES, get, value,
};
use crate::status::ApiError;
use crate::store::{EventKind, Store};

/// Decides who may do what.
pub struct Authorizer {
    store: Store,
    roles: Mutex<Roles>,
    pods: Mutex<Graph>,
}

struct Roles {
    policy: Arc<Policy>,
    followers: [Follower; 4],
}

struct Graph {
    graph: PodGraph,
    follower: Follower,
}

impl Authorizer {
    /// One that decides by the roles, bindings and Pods in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let followers = [CLUSTER_ROLES, ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS].map(Follower::new);
        let roles = Roles { policy: Arc::default(), followers };
        let pods = Graph { graph: PodGraph::default(), follower: Follower::new(PODS) };
        Self { store, roles: Mutex::new(roles), pods: Mutex::new(pods) }
    }

    /// Whether the user may do what is asked for.
    ///
    /// # Errors
    /// 403 in the API server's words.
    pub fn authorize(&self, user: &User, request: &Request) -> Result<(), ApiError> {
        let decision = self.decide(user, request);
        if decision.allowed { Ok(()) } else { Err(forbidden(user, request, &decision.reason)) }
    }

    /// Whether the user may do what is asked for, and why.
    #[must_use]
    pub fn decide(&self, user: &User, request: &Request) -> Decision {
        if is_master(user) {
            return Decision::allowed("");
        }
        if !may_be_anonymous(user, request) {
            return Decision::no_opinion("");
        }
        let named = match request {
            Request::Resource(of) => Request::Resource(with_selected_name(of)),
            path @ Request::Path { .. } => path.clone(),
        };
        let mut of_node = String::new();
        if let (Some(node), Request::Resource(of)) = (node_name(user), &named) {
            let decision = self.decide_for_node(node, of);
            if decision.allowed {
                return decision;
            }
            of_node = decision.reason;
        }
        let decision = self.policy().decide(user, &named);
        match (decision.allowed || of_node.is_empty(), decision.reason.is_empty()) {
            (true, _) => decision,
            (false, true) => Decision::no_opinion(of_node),
            (false, false) => Decision::no_opinion(format!("{of_node}, {}", decision.reason)),
        }
    }

    /// All roles and bindings as they are now.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        // All of them are asked: each has to read on.
        let is_news = |follower: &mut Follower| !matches!(follower.news(&self.store), News::Nothing);
        let news = roles.followers.iter_mut().map(is_news).fold(false, |so_far, is_news| so_far | is_news);
        if news {
            let all = |resource| -> Vec<Value> {
                self.store.list(resource, None).0.iter().filter_map(|stored| value(stored)).collect()
            };
            roles.policy = Arc::new(Policy::of(
                &all(CLUSTER_ROLES),
                &all(ROLES),
                &all(CLUSTER_ROLE_BINDINGS),
                &all(ROLE_BINDINGS),
            ));
        }
        roles.policy.clone()
    }

    fn decide_for_node(&self, node: &str, request: &ResourceRequest) -> Decision {
        let is_related = match node_question(node, request) {
            NodeQuestion::Settled(decision) => return decision,
            NodeQuestion::Needs(dependency) => self.pods().graph.needs(node, &dependency),
            NodeQuestion::HasPod(namespace, name) => self.pods().graph.has_pod(node, &namespace, &name),
            NodeQuestion::NeedsVolume(name) => {
                claim_of_volume(&self.store, &name).is_some_and(|claim| self.pods().graph.needs(node, &claim))
            }
        };
        if is_related {
            Decision::allowed("")
        } else {
            Decision::no_opinion(format!("no relationship found between node '{node}' and this object"))
        }
    }

    fn pods(&self) -> MutexGuard<'_, Graph> {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.catch_up(&self.store);
        pods
    }
}

impl Graph {
    fn catch_up(&mut self, store: &Store) {
        match self.follower.news(store) {
            News::Nothing => {}
            News::All(all) => {
                self.graph = PodGraph::default();
                all.iter().for_each(|pod| self.put(pod));
            }
            News::Changes(changes) => {
                for change in changes {
                    match change.kind {
                        EventKind::Added | EventKind::Modified => self.put(&change.object),
                        EventKind::Deleted => self.graph.remove(&change.object.key.namespace, &change.object.key.name),
                    }
                }
            }
        }
    }

    fn put(&mut self, stored: &crate::store::Object) {
        match serde_json::from_slice::<WhatCounts>(&stored.json) {
            Ok(part) => self.graph.put(&part.into()),
            Err(error) => {
                // One that can't be read gives its node nothing.
                tracing::error!(key = %stored.key, %error, "stored Pod can't be read");
                self.graph.remove(&stored.key.namespace, &stored.key.name);
            }
        }
    }
}

/// What of a Pod says what its node needs. The rest, most of it, is not read: Pods change often.
#[derive(Deserialize)]
struct WhatCounts {
    metadata: Identity,
    spec: Option<PodSpec>,
    status: Option<Phase>,
}

#[derive(Deserialize)]
struct Identity {
    namespace: Option<String>,
    name: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Phase {
    phase: Option<String>,
}

impl From<WhatCounts> for Pod {
    fn from(part: WhatCounts) -> Self {
        let Identity { namespace, name, annotations } = part.metadata;
        let metadata = ObjectMeta { namespace, name, annotations, ..ObjectMeta::default() };
        let status = part.status.map(|status| PodStatus { phase: status.phase, ..PodStatus::default() });
        Self { metadata, spec: part.spec, status }
    }
}

/// The claim that a volume is bound to.
fn claim_of_volume(store: &Store, name: &str) -> Option<Dependency> {
    let volume = get(store, VOLUMES, "", name)?;
    let claim = &volume["spec"]["claimRef"];
    let text = |field: &str| claim[field].as_str().map(str::to_owned);
    Some(Dependency { kind: DependencyKind::Claim, namespace: text("namespace")?, name: text("name")? })
}

/// A list or watch of one object by its name is a request for that object.
fn with_selected_name(request: &ResourceRequest) -> ResourceRequest {
    let selects = matches!(request.verb.as_str(), "list" | "watch" | "deletecollection") && request.name.is_empty();
    let mut fields = if selects { equalities(&request.field_selector) } else { Vec::new() }.into_iter();
    match fields.find(|(field, name)| field == "metadata.name" && !name.is_empty()) {
        Some((_, name)) => ResourceRequest { name, ..request.clone() },
        None => request.clone(),
    }
}

#[cfg(test)]
#[path = "authorizer_tests.rs"]
mod tests;
