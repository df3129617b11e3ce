//! The node's Pods as the API has them: from the API to the node, and statuses back.
//!
//! Each Pod has a keeper, a task that alone talks to the API and the node about it, so nothing about a Pod has a lock and a
//! call that hangs holds up no other Pod. Here the watch and the node's news are handed out to the keepers.

mod final_status;
mod keeper;
mod mirror;
mod queue;
mod status_patch;
mod writer;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use kube::{Api, ResourceExt};
use reprise_core::api_pod;
use reprise_core::static_pod::Source;
use reprise_node::{News, NodeEvent, PodKey};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::events::Happened;
use crate::watching::Watching;
use keeper::Keeper;
use mirror::MirrorKeeper;

/// Goes on as long as the node is a member.
pub(crate) async fn keep(
    context: Arc<Context>,
    news: mpsc::UnboundedReceiver<NodeEvent>,
    happened: mpsc::UnboundedSender<Happened>,
) {
    Pods {
        context,
        happened,
        keepers: HashMap::new(),
        mirrors: BTreeMap::new(),
        listed: None,
        has_listed: false,
        tasks: JoinSet::new(),
    }
    .run(news)
    .await;
}

struct Pods {
    context: Arc<Context>,
    happened: mpsc::UnboundedSender<Happened>,
    /// By the Pod's UID.
    keepers: HashMap<String, mpsc::UnboundedSender<keeper::Mail>>,
    /// Of static Pods, by their names.
    mirrors: BTreeMap<PodKey, mpsc::UnboundedSender<mirror::Mail>>,
    /// What a list has brought so far, while one is under way.
    listed: Option<Listed>,
    /// A full list has been through.
    has_listed: bool,
    /// The keepers' tasks; each ends with the UID of its Pod.
    tasks: JoinSet<Option<String>>,
}

#[derive(Default)]
struct Listed {
    uids: BTreeSet<String>,
    mirrors: BTreeSet<PodKey>,
}

impl Pods {
    async fn run(mut self, mut news: mpsc::UnboundedReceiver<NodeEvent>) {
        let api: Api<Pod> = Api::all(self.context.client.clone());
        let of_this_node = format!("spec.nodeName={}", self.context.name);
        let mut watched =
            Watching::new(api, of_this_node, self.context.options.watch_seconds, "the node's Pods can't be watched");
        self.take_on_what_is_here();
        let context = Arc::clone(&self.context);
        let mut node_uid = context.node_uid.subscribe();
        loop {
            // Receivers, streams and a notification lose nothing when they are dropped.
            tokio::select! {
                event = watched.next() => self.on_event(event),
                Some(told) = news.recv() => self.on_news(told),
                // Mirrors belong to the Node object.
                Ok(()) = node_uid.changed() => self.retry(),
                () = context.back.notified() => {
                    watched.again();
                    self.retry();
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Ok(Some(uid)) = ended {
                        // Unless it has a new one already.
                        if self.keepers.get(&uid).is_some_and(mpsc::UnboundedSender::is_closed) {
                            self.keepers.remove(&uid);
                        }
                    }
                }
            }
        }
    }

    /// Pods from before: their statuses are told once the API shows them.
    fn take_on_what_is_here(&mut self) {
        for view in self.context.node.pods() {
            if api_pod::is_from_api(&view.pod) {
                let uid = view.pod.uid().unwrap_or_default();
                let mail = keeper::Mail::FromNode(Box::new(view.status), view.stage);
                self.post(PodKey::of(&view.pod), &uid, mail);
            } else if Source::of(&view.pod).is_some() {
                self.post_mirror(PodKey::of(&view.pod), mirror::Mail::FromNode(Box::new(view.status), view.stage));
            }
        }
    }

    fn on_event(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed = Some(Listed::default()),
            Event::InitApply(pod) | Event::Apply(pod) => self.on_pod(pod),
            Event::InitDone => self.on_listed(),
            Event::Delete(pod) => {
                let key = PodKey::of(&pod);
                if api_pod::is_mirror(&pod) {
                    self.post_mirror(key, mirror::Mail::Gone(pod.uid().unwrap_or_default()));
                } else {
                    let uid = pod.uid().unwrap_or_default();
                    self.post(key, &uid, keeper::Mail::Gone);
                }
            }
        }
    }

    fn on_pod(&mut self, pod: Pod) {
        let (key, uid) = (PodKey::of(&pod), pod.uid().unwrap_or_default());
        if api_pod::is_mirror(&pod) {
            if let Some(listed) = &mut self.listed {
                listed.mirrors.insert(key.clone());
            }
            return self.post_mirror(key, mirror::Mail::FromApi(Box::new(pod)));
        }
        if let Some(listed) = &mut self.listed {
            listed.uids.insert(uid.clone());
        }
        self.post(key, &uid, keeper::Mail::FromApi(Box::new(pod)));
    }

    /// Only a full list says what the API does not have.
    fn on_listed(&mut self) {
        let Some(listed) = self.listed.take() else { return };
        self.has_listed = true;
        for (uid, keeper) in &self.keepers {
            if !listed.uids.contains(uid) {
                tell(keeper, keeper::Mail::Gone);
            }
        }
        for (key, keeper) in &self.mirrors {
            let mail = if listed.mirrors.contains(key) { mirror::Mail::Retry } else { mirror::Mail::NotListed };
            tell(keeper, mail);
        }
    }

    fn on_news(&mut self, told: NodeEvent) {
        match told.news {
            News::Status { status, stage, .. } => {
                let mail = keeper::Mail::FromNode(status.clone(), stage);
                if let Some(keeper) = self.keepers.get(&told.uid) {
                    return tell(keeper, mail);
                }
                let view = self.context.node.pod(&told.pod);
                let is_static = view.is_some_and(|view| Source::of(&view.pod).is_some());
                if is_static || self.mirrors.contains_key(&told.pod) {
                    self.post_mirror(told.pod, mirror::Mail::FromNode(status, stage));
                }
            }
            News::Event(event) => self.tell_event(Happened::ToPod { pod: told.pod, uid: told.uid, event }),
            News::NodeEvent(event) => self.tell_event(Happened::ToNode { event }),
            News::Entry(_) | News::Step(_) => {}
        }
    }

    fn tell_event(&self, happened: Happened) {
        if self.happened.send(happened).is_err() {
            tracing::debug!("nobody sends events any more");
        }
    }

    fn retry(&self) {
        self.keepers.values().for_each(|keeper| tell(keeper, keeper::Mail::Retry));
        self.mirrors.values().for_each(|keeper| tell(keeper, mirror::Mail::Retry));
    }

    /// Hands mail to the Pod's keeper; a Pod that has none gets one, unless it is gone anyway.
    fn post(&mut self, key: PodKey, uid: &str, mail: keeper::Mail) {
        let mail = match self.keepers.get(uid) {
            Some(keeper) => match keeper.send(mail) {
                Ok(()) => return,
                // It has just ended.
                Err(returned) => returned.0,
            },
            None => mail,
        };
        let (sender, mailbox) = mpsc::unbounded_channel();
        tell(&sender, mail);
        self.keepers.insert(uid.to_owned(), sender);
        let (keeper, uid) = (Keeper::new(Arc::clone(&self.context), key, uid.to_owned(), mailbox), uid.to_owned());
        self.tasks.spawn(async move {
            keeper.run().await;
            Some(uid)
        });
    }

    fn post_mirror(&mut self, key: PodKey, mail: mirror::Mail) {
        let context = &self.context;
        let keeper = self.mirrors.entry(key.clone()).or_insert_with(|| {
            let (sender, mailbox) = mpsc::unbounded_channel();
            if self.has_listed {
                // What the API has of mirrors has a keeper already.
                tell(&sender, mirror::Mail::NotListed);
            }
            let keeper = MirrorKeeper::new(Arc::clone(context), key, mailbox);
            self.tasks.spawn(async move {
                keeper.run().await;
                None
            });
            sender
        });
        tell(keeper, mail);
    }
}

fn tell<T>(mailbox: &mpsc::UnboundedSender<T>, mail: T) {
    if mailbox.send(mail).is_err() {
        tracing::debug!("a keeper has ended before it got its mail");
    }
}
