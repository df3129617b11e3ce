//! Brings the node's static Pods to what the sources name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use k8s_openapi::api::core::v1::Pod;
use reprise_core::static_pod::{Changes, Name, Present, Source, changes};
use tokio::sync::{Notify, mpsc};

use super::folder::Folder;
use super::watch::Watch;
use super::{StaticPodConfig, admit};
use crate::error::{NodeError, chain};
use crate::events;
use crate::node::{Inner, Node};
use crate::pod_key::{PodKey, uid_of};

/// The one task that runs and ends static Pods.
pub(super) struct Reconciler {
    node: Weak<Inner>,
    config: StaticPodConfig,
    folder: Option<Folder>,
    /// What the URL answers.
    texts: mpsc::Receiver<Result<String, String>>,
    /// The last answer that could be understood, and its Pods.
    fetched: Option<(String, Vec<Pod>)>,
    /// A Pod whose name is wanted is gone.
    gone: Arc<Notify>,
    /// Pods that are waited for, by name, with their UIDs.
    waited_for: BTreeMap<Name, String>,
    /// What is wrong and has been told.
    told: BTreeMap<Source, Vec<String>>,
    told_conflicts: BTreeSet<String>,
}

impl Reconciler {
    pub(super) fn new(
        node: Weak<Inner>,
        config: StaticPodConfig,
        texts: mpsc::Receiver<Result<String, String>>,
    ) -> Self {
        Self {
            node,
            folder: config.path.clone().map(Folder::new),
            config,
            texts,
            fetched: None,
            gone: Arc::default(),
            waited_for: BTreeMap::new(),
            told: BTreeMap::new(),
            told_conflicts: BTreeSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            // Made anew each time, as the folder itself may be a new one. What changes from now on is seen.
            let watch = self.config.path.as_deref().and_then(|path| Watch::new(path).ok());
            let Some(inner) = self.node.upgrade() else { return };
            let node = Node::of(inner);
            self.look_at_folder(&node);
            self.reconcile(&node).await;
            drop(node);
            let answer = self.wait(watch).await;
            let Some(inner) = self.node.upgrade() else { return };
            if let Some(answer) = answer {
                self.take_answer(&Node::of(inner), answer);
            }
        }
    }

    /// Until there may be something to do. None of the branches loses anything when another one comes first.
    async fn wait(&mut self, mut watch: Option<Watch>) -> Option<Result<String, String>> {
        let changed = async {
            match &mut watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(answer) = self.texts.recv() => Some(answer),
            () = changed => None,
            () = self.gone.notified() => None,
            () = tokio::time::sleep(self.config.file_period) => None,
        }
    }

    fn look_at_folder(&mut self, node: &Node) {
        let Some(folder) = &mut self.folder else { return };
        let understand = |text: &str, file: &str| admit::pods(text, Source::File, file, node.config());
        let problems = folder.look(understand);
        self.tell(node, Source::File, problems);
    }

    fn take_answer(&mut self, node: &Node, answer: Result<String, String>) {
        let problems = match answer {
            Ok(text) if self.fetched.as_ref().is_some_and(|(known, _)| *known == text) => Vec::new(),
            Ok(text) => {
                let url = self.config.url.clone().unwrap_or_default();
                match admit::pods(&text, Source::Http, &url, node.config()) {
                    Ok(pods) => {
                        self.fetched = Some((text, pods));
                        Vec::new()
                    }
                    Err(problems) => problems,
                }
            }
            Err(problem) => vec![problem],
        };
        self.tell(node, Source::Http, problems);
    }

    /// What is wrong is told once, and again when it is something else.
    fn tell(&mut self, node: &Node, source: Source, problems: Vec<String>) {
        for problem in problems.iter().filter(|problem| !self.told.get(&source).is_some_and(|t| t.contains(problem))) {
            tracing::warn!(problem, "a manifest of static pods is left out");
            let message = format!("Error validating pods from {}, ignoring: {problem}", source.name());
            node.tell_event(events::of_node("FailedValidation", message));
        }
        self.told.insert(source, problems);
    }

    async fn reconcile(&mut self, node: &Node) {
        let Changes { end, run, wait_for, taken } = changes(&self.wanted(), &present(node), &self.known());
        let mut conflicts: BTreeSet<String> =
            taken.iter().map(|name| NodeError::PodExists { key: key(name) }.to_string()).collect();
        for name in &end {
            match node.delete(&key(name), None).await {
                Ok(()) | Err(NodeError::NoSuchPod { .. }) => {}
                Err(error) => tracing::warn!(pod = %key(name), error = %chain(&error), "a static pod can't be ended"),
            }
        }
        for pod in run {
            let pod_key = PodKey::of(&pod);
            if let Err(error) = node.apply(pod).await {
                conflicts.insert(format!("{pod_key}: {}", chain(&error)));
            }
        }
        for conflict in conflicts.difference(&self.told_conflicts) {
            tracing::warn!(conflict, "a static pod can't be run");
        }
        self.told_conflicts = conflicts;
        wait_for.into_iter().for_each(|name| self.wait_for(node, name));
    }

    fn wanted(&self) -> Vec<Pod> {
        let of_folder = self.folder.iter().flat_map(Folder::pods);
        of_folder.chain(self.fetched.iter().flat_map(|(_, pods)| pods)).cloned().collect()
    }

    /// The sources whose Pods are all known.
    fn known(&self) -> BTreeSet<Source> {
        let file = self.folder.as_ref().filter(|folder| folder.is_known()).map(|_| Source::File);
        file.into_iter().chain(self.fetched.as_ref().map(|_| Source::Http)).collect()
    }

    fn wait_for(&mut self, node: &Node, name: Name) {
        // Only one task per Pod waits.
        let uid = present(node).remove(&name).map(|here| here.uid).unwrap_or_default();
        if self.waited_for.insert(name.clone(), uid.clone()).is_some_and(|known| known == uid) {
            return;
        }
        let (node, gone) = (node.downgrade(), Arc::clone(&self.gone));
        tokio::spawn(async move {
            if let Some(ended) = node.upgrade().map(|inner| Node::of(inner).has_gone(&key(&name))) {
                ended.await;
                gone.notify_one();
            }
        });
    }
}

fn present(node: &Node) -> BTreeMap<Name, Present> {
    let of = |view: &crate::view::PodView| {
        let PodKey { namespace, name } = PodKey::of(&view.pod);
        let ends = view.pod.metadata.deletion_timestamp.is_some();
        ((namespace, name), Present { uid: uid_of(&view.pod).to_owned(), source: Source::of(&view.pod), ends })
    };
    node.pods().iter().map(of).collect()
}

fn key((namespace, name): &Name) -> PodKey {
    PodKey { namespace: namespace.clone(), name: name.clone() }
}
