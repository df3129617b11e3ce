//! The cluster's RuntimeClasses: which handler of the runtime each stands for.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::node::v1::RuntimeClass;
use kube::runtime::watcher::Event;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::watching::Watching;

/// Tells the node of them for as long as it is a member.
pub(crate) async fn follow(context: Arc<Context>) {
    let api: Api<RuntimeClass> = Api::all(context.client.clone());
    let mut classes = Watching::new(api, "", context.options.watch_seconds, "runtime classes can't be watched");
    let (mut known, mut listed) = (BTreeMap::new(), BTreeMap::new());
    loop {
        match classes.next().await {
            Event::Init => listed = BTreeMap::new(),
            Event::InitApply(class) => {
                listed.insert(class.name_any(), class.handler);
                continue;
            }
            Event::InitDone => known = std::mem::take(&mut listed),
            Event::Apply(class) => {
                known.insert(class.name_any(), class.handler);
            }
            Event::Delete(class) => {
                known.remove(&class.name_any());
            }
        }
        context.node.set_runtime_classes(known.clone());
    }
}
