//! The CSINode object: no CSI driver is on this node, which is what a scheduler wants to know.

use k8s_openapi::api::storage::v1::{CSINode, CSINodeSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use super::lease::owner;
use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call, found};
use crate::context::Context;

/// Makes it if it is not there.
pub(super) async fn register(context: &Context, node_uid: &str) {
    let mut backoff = Backoff::of_calls();
    let mut trouble = Trouble::new("the CSINode object can't be made");
    while let Err(error) = try_register(context, node_uid).await {
        trouble.tell(&error);
        tokio::time::sleep(backoff.pause()).await;
    }
    trouble.over();
}

async fn try_register(context: &Context, node_uid: &str) -> Result<(), CallError> {
    let api: Api<CSINode> = Api::all(context.client.clone());
    if found(call(api.get(&context.name)).await)?.is_some() {
        return Ok(());
    }
    let object = CSINode {
        metadata: ObjectMeta {
            name: Some(context.name.clone()),
            owner_references: Some(vec![owner(&context.name, node_uid)]),
            ..ObjectMeta::default()
        },
        spec: CSINodeSpec { drivers: Vec::new() },
    };
    match call(api.create(&PostParams::default(), &object)).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}
