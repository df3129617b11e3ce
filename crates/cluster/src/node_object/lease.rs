//! The node's lease: renewed every 10 s, it says that the node is alive. That it could not be renewed and can again is how the
//! member learns that the API is back.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::PostParams;

use super::PERIOD;
use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call, found};
use crate::context::Context;

const NAMESPACE: &str = "kube-node-lease";
/// The kubelet's `nodeLeaseDurationSeconds`.
const SECONDS: i32 = 40;

pub(super) struct Lease {
    context: Arc<Context>,
    node_uid: String,
    /// As the API had it last.
    known: Option<LeaseObject>,
}

impl Lease {
    pub(super) fn new(context: Arc<Context>, node_uid: String) -> Self {
        Self { context, node_uid, known: None }
    }

    /// Renews for ever.
    pub(super) async fn keep(mut self) {
        let mut trouble = Trouble::new("the node's lease can't be renewed");
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut backoff = Backoff::of_calls();
        loop {
            ticks.tick().await;
            let mut was_away = false;
            while let Err(error) = self.renew().await {
                was_away |= matches!(error, CallError::Away { .. });
                trouble.tell(&error);
                // Somebody else wrote it: it is read anew.
                self.known = None;
                tokio::time::sleep(backoff.pause()).await;
            }
            trouble.over();
            backoff.reset();
            if was_away {
                self.context.back.notify_one();
            }
        }
    }

    async fn renew(&mut self) -> Result<(), CallError> {
        let api: Api<LeaseObject> = Api::namespaced(self.context.client.clone(), NAMESPACE);
        let name = self.context.name.clone();
        if self.known.is_none() {
            self.known = found(call(api.get(&name)).await)?;
        }
        let written = match self.known.take() {
            Some(known) => {
                let renewed = self.renewed(known);
                call(api.replace(&name, &PostParams::default(), &renewed)).await?
            }
            None => {
                let metadata =
                    ObjectMeta { name: Some(name), namespace: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() };
                let new = self.renewed(LeaseObject { metadata, spec: None });
                call(api.create(&PostParams::default(), &new)).await?
            }
        };
        self.known = Some(written);
        Ok(())
    }

    fn renewed(&self, mut lease: LeaseObject) -> LeaseObject {
        lease.metadata.managed_fields = None;
        lease.metadata.owner_references = Some(vec![owner(&self.context.name, &self.node_uid)]);
        let spec = lease.spec.take().unwrap_or_default();
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.context.name.clone()),
            lease_duration_seconds: Some(SECONDS),
            renew_time: Some(MicroTime(Timestamp::now())),
            ..spec
        });
        lease
    }
}

/// The Node object as the owner of what goes with it.
pub(super) fn owner(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}
