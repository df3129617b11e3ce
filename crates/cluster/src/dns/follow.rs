//! Names follow the API: each change of a service or Pod is in them as soon as it is told.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::runtime::watcher::Event;
use kube::{Api, Client};
use tokio::sync::watch;

use super::names::{Names, ObjectKey};
use super::{SharedNames, read, write};
use crate::watching::{Watchable, Watching};

/// How long one watch goes on: a connection that was cut in silence is noticed then.
const WATCH_SECONDS: u32 = 60;

/// Follows for ever. `complete` becomes true once all is known.
pub(super) async fn follow(client: Client, names: SharedNames, complete: watch::Sender<bool>) {
    let services = Api::<Service>::all(client.clone());
    let services = Watching::new(services, "", WATCH_SECONDS, "services can't be watched for their names");
    let pods = Watching::new(Api::<Pod>::all(client), "", WATCH_SECONDS, "Pods can't be watched for their names");
    tokio::join!(follow_kind(services, &names, &complete), follow_kind(pods, &names, &complete));
}

/// A kind that names depend on.
trait Named: Watchable {
    fn put(&self, names: &mut Names);
    fn remove(&self, names: &mut Names);
    /// There are no others than these.
    fn keep(all: &BTreeSet<ObjectKey>, names: &mut Names);
}

impl Named for Service {
    fn put(&self, names: &mut Names) {
        names.put_service(self);
    }

    fn remove(&self, names: &mut Names) {
        names.remove_service(&ObjectKey::of(self));
    }

    fn keep(all: &BTreeSet<ObjectKey>, names: &mut Names) {
        names.keep_services(all);
    }
}

impl Named for Pod {
    fn put(&self, names: &mut Names) {
        names.put_pod(self);
    }

    fn remove(&self, names: &mut Names) {
        names.remove_pod(&ObjectKey::of(self));
    }

    fn keep(all: &BTreeSet<ObjectKey>, names: &mut Names) {
        names.keep_pods(all);
    }
}

async fn follow_kind<K: Named>(mut watching: Watching<K>, names: &SharedNames, complete: &watch::Sender<bool>) {
    let mut listed = BTreeSet::new();
    loop {
        match watching.next().await {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.insert(ObjectKey::of(&object));
                object.put(&mut write(names));
            }
            Event::InitDone => {
                K::keep(&std::mem::take(&mut listed), &mut write(names));
                if read(names).is_complete() {
                    complete.send_replace(true);
                }
            }
            Event::Apply(object) => object.put(&mut write(names)),
            Event::Delete(object) => object.remove(&mut write(names)),
        }
    }
}
