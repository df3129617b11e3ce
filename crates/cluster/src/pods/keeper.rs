//! Keeps one Pod: what the API says of it reaches the node, and what the node says of it reaches the API.
//!
//! ```text
//! the API has it     --> apply or update            it is being deleted --> delete within what is left of its grace period
//! the API has it not --> end it, forget it          it has ended        --> last status, then DELETE: the record may go
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{DeleteParams, Preconditions};
use reprise_core::api_pod;
use reprise_core::objects::{references, tokens};
use reprise_core::plan::Stage;
use reprise_node::{NodeError, PodKey, PodView, chain};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::final_status::of_absent;
use super::writer::Writer;
use crate::backoff::{Backoff, Trouble};
use crate::call::{CallError, call};
use crate::context::Context;

/// How long a new Pod waits for what it refers to, before the node is asked to run it and tells what it lacks.
const OBJECTS_LIMIT: Duration = Duration::from_secs(5);
/// The least time that containers have of a Pod that is gone from the API, in seconds, as with the kubelet.
const LEAST_GRACE: i64 = 1;
/// What a Pod has that does not say it, in seconds.
const DEFAULT_GRACE: i64 = 30;
/// After a status was told, the next one waits for so many times the time that the API took, and no longer than the limit: one that is
/// behind is told the newest and not each.
const REST: u32 = 2;
const REST_LIMIT: Duration = Duration::from_millis(500);

/// What a keeper is told.
#[derive(Debug)]
pub(super) enum Mail {
    /// The Pod as the API has it.
    FromApi(Box<Pod>),
    /// The API does not have it.
    Gone,
    /// What the node says of it.
    FromNode(Box<PodStatus>, Stage),
    /// The API is back.
    Retry,
}

/// What is known of the Pod in the API.
enum AtApi {
    /// Nothing yet: the first list is not through.
    Unknown,
    /// This.
    Has(Box<Pod>),
    /// It is gone. This was its last state, if one was seen.
    Gone(Option<Box<Pod>>),
}

pub(super) struct Keeper {
    context: Arc<Context>,
    key: PodKey,
    uid: String,
    mailbox: mpsc::UnboundedReceiver<Mail>,
    /// Mail that came while statuses were told, for the next pass.
    later: VecDeque<Mail>,
    api: AtApi,
    writer: Writer,
    /// The deletion was confirmed to the API; finalizers may hold the Pod there.
    confirmed: bool,
    /// The last status of a Pod that is not here has been thought of.
    last_word_said: bool,
    /// Until then no status is told.
    rests_until: Instant,
    backoff: Backoff,
    trouble: Trouble,
}

/// What stopped a pass.
enum Stopped {
    /// Something failed: try again after a pause.
    Failed,
    /// The Pod's name is taken on the node by another one: go on when that is gone.
    NameTaken,
}

impl Keeper {
    pub(super) fn new(context: Arc<Context>, key: PodKey, uid: String, mailbox: mpsc::UnboundedReceiver<Mail>) -> Self {
        let writer = Writer::new(Arc::clone(&context), key.clone());
        let trouble = Trouble::new("a Pod of the API can't be brought to the node");
        Self {
            context,
            key,
            uid,
            mailbox,
            later: VecDeque::new(),
            api: AtApi::Unknown,
            writer,
            confirmed: false,
            last_word_said: false,
            rests_until: Instant::now(),
            backoff: Backoff::of_calls(),
            trouble,
        }
    }

    /// Ends when neither the API nor the node has the Pod, or nobody sends mail any more.
    pub(super) async fn run(mut self) {
        loop {
            self.take_all();
            let passed = self.pass().await;
            if matches!(self.api, AtApi::Gone(_)) && self.here().is_none() {
                break;
            }
            if !self.wait(passed).await {
                break;
            }
        }
        self.context.references.unfollow(&self.uid);
    }

    /// Until there is something to do. False if nobody will ever say that there is.
    async fn wait(&mut self, passed: Result<(), Stopped>) -> bool {
        let (node, key) = (self.context.node.clone(), self.key.clone());
        let pause = match passed {
            Ok(()) => {
                self.backoff.reset();
                None
            }
            Err(Stopped::Failed) => Some(self.backoff.pause()),
            Err(Stopped::NameTaken) => None,
        };
        if !self.later.is_empty() {
            return true;
        }
        let waits_for_name = matches!(passed, Err(Stopped::NameTaken));
        // The mailbox loses nothing when it is dropped; the others can be asked again.
        tokio::select! {
            mail = self.mailbox.recv() => match mail {
                Some(mail) => self.take(mail),
                None => return false,
            },
            () = async { tokio::time::sleep(pause.unwrap_or_default()).await }, if pause.is_some() => {}
            () = node.gone(&key), if waits_for_name => {}
        }
        true
    }

    fn take_all(&mut self) {
        while let Some(mail) = self.later.pop_front() {
            self.take(mail);
        }
        while let Ok(mail) = self.mailbox.try_recv() {
            self.take(mail);
        }
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            // The answer to a write may be newer than what the watch tells of the writes before.
            Mail::FromApi(pod) if self.has_newer(&pod) => {}
            Mail::FromApi(pod) => self.api = AtApi::Has(pod),
            Mail::Gone => {
                let last = match std::mem::replace(&mut self.api, AtApi::Unknown) {
                    AtApi::Has(pod) => Some(pod),
                    AtApi::Gone(last) => last,
                    AtApi::Unknown => None,
                };
                self.api = AtApi::Gone(last);
                self.writer.queue.clear();
            }
            Mail::FromNode(status, Stage::Live | Stage::Ended) => self.writer.push(*status),
            Mail::FromNode(_, Stage::Gone) => {}
            Mail::Retry => self.backoff.reset(),
        }
    }

    fn has_newer(&self, pod: &Pod) -> bool {
        let AtApi::Has(known) = &self.api else { return false };
        version(known).zip(version(pod)).is_some_and(|(known, told)| known > told)
    }

    async fn pass(&mut self) -> Result<(), Stopped> {
        match &self.api {
            AtApi::Unknown => Ok(()),
            AtApi::Gone(last) => {
                let Some(view) = self.here() else { return Ok(()) };
                let grace = grace_of_lost(last.as_deref().unwrap_or(&view.pod));
                self.end_here(grace).await
            }
            AtApi::Has(pod) => {
                let pod = Pod::clone(pod);
                self.bring(pod).await?;
                if self.confirmed {
                    return Ok(());
                }
                self.reconcile();
                self.publish().await?;
                self.confirm().await
            }
        }
    }

    fn here(&self) -> Option<PodView> {
        self.context.node.pod_by_uid(&self.uid)
    }

    /// Has the node do what the API says.
    async fn bring(&mut self, pod: Pod) -> Result<(), Stopped> {
        let (here, deletion) = (self.here(), pod.metadata.deletion_timestamp.is_some());
        match (here, deletion) {
            (Some(view), true) => {
                self.update(&view, pod.clone()).await?;
                let grace = pod.metadata.deletion_grace_period_seconds.map(SignedDuration::from_secs);
                self.on_node(self.context.node.delete_for_api(&self.key, grace).await)
            }
            // Somebody else said that it is over.
            (Some(view), false) if api_pod::has_ended(&pod) && view.ledger.ending.is_none() => {
                self.on_node(self.context.node.delete_for_api(&self.key, None).await)
            }
            (Some(view), false) => self.update(&view, pod).await,
            (None, true) => {
                if !std::mem::replace(&mut self.last_word_said, true)
                    && let Some(status) = of_absent(&pod)
                {
                    self.writer.push(status);
                }
                Ok(())
            }
            (None, false) if api_pod::has_ended(&pod) => Ok(()),
            (None, false) => self.begin(pod).await,
        }
    }

    async fn update(&mut self, view: &PodView, pod: Pod) -> Result<(), Stopped> {
        if view.stage == Stage::Live {
            self.context.references.follow(&pod, references(&pod), tokens(&pod));
        } else {
            self.context.references.unfollow(&self.uid);
        }
        let updated = self.context.node.update_from_api(pod).await;
        self.on_node(updated)
    }

    async fn begin(&mut self, pod: Pod) -> Result<(), Stopped> {
        if self.context.node.pod(&self.key).is_some() {
            return Err(Stopped::NameTaken);
        }
        let watched = &self.context.references;
        watched.follow(&pod, references(&pod), tokens(&pod));
        let mut api_service = self.context.api_service_known.subscribe();
        let all = async {
            watched.known(&self.uid).await;
            // The sender lives as long as the context.
            drop(api_service.wait_for(|known| *known).await);
        };
        if tokio::time::timeout(OBJECTS_LIMIT, all).await.is_err() {
            tracing::info!(pod = %self.key, "what a Pod refers to is not there yet: the node waits for it");
        }
        let applied = self.context.node.apply_from_api(pod).await;
        self.on_node(applied)
    }

    /// A node that can't do it now can later.
    fn on_node(&mut self, result: Result<(), NodeError>) -> Result<(), Stopped> {
        match result {
            Ok(()) => {
                self.trouble.over();
                Ok(())
            }
            // It has gone meanwhile: the next pass sees what there is.
            Err(NodeError::NoSuchPod { .. } | NodeError::ShuttingDown) => Err(Stopped::Failed),
            Err(NodeError::PodExists { .. }) => Err(Stopped::NameTaken),
            Err(error) => {
                self.trouble.tell(&error);
                Err(Stopped::Failed)
            }
        }
    }

    /// Somebody may have changed what only the node says, as a controller does for a node that it does not hear of.
    fn reconcile(&mut self) {
        let told = self.here().map(|view| view.status).filter(|status| status.phase.is_some());
        if let Some(status) = told.filter(|_| self.writer.queue.is_empty()) {
            self.writer.push(status);
        }
    }

    async fn publish(&mut self) -> Result<(), Stopped> {
        while !self.writer.queue.is_empty() {
            tokio::time::sleep_until(self.rests_until).await;
            self.take_newer();
            let AtApi::Has(pod) = &mut self.api else { return Ok(()) };
            let begun = Instant::now();
            if self.writer.write_one(pod).await.is_err() {
                return Err(Stopped::Failed);
            }
            self.rests_until = Instant::now() + (begun.elapsed() * REST).min(REST_LIMIT);
        }
        Ok(())
    }

    /// The newest status wins, also over those that came while one was written. What the API says waits for the next pass.
    fn take_newer(&mut self) {
        while let Ok(mail) = self.mailbox.try_recv() {
            match mail {
                Mail::FromNode(status, Stage::Live | Stage::Ended) => self.writer.push(*status),
                other => self.later.push_back(other),
            }
        }
    }

    /// Tells the API that nothing of a deleted Pod runs any more.
    async fn confirm(&mut self) -> Result<(), Stopped> {
        let AtApi::Has(pod) = &self.api else { return Ok(()) };
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        let here = self.here();
        let is_over = here.as_ref().is_none_or(|view| view.stage != Stage::Live);
        if !is_deleted || !is_over || !self.writer.queue.is_empty() {
            return Ok(());
        }
        if let Some(view) = here {
            // The node deletes first.
            if view.pod.metadata.deletion_timestamp.is_none() {
                return Ok(());
            }
            // Its last status may still be on its way here.
            self.writer.push(view.status);
            self.publish().await?;
        }
        let preconditions = Some(Preconditions { uid: Some(self.uid.clone()), resource_version: None });
        let parameters = DeleteParams { grace_period_seconds: Some(0), preconditions, ..DeleteParams::default() };
        // It is never closed.
        let permit = self.context.calls.acquire().await;
        let answer = call(self.context.pods(&self.key.namespace).delete(&self.key.name, &parameters)).await;
        drop(permit);
        match answer {
            Ok(_) => {}
            // Gone already, or another Pod has the name.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                self.tell_refusal(&error);
                return Err(Stopped::Failed);
            }
        }
        self.confirmed = true;
        self.context.node.release(&self.uid);
        Ok(())
    }

    fn tell_refusal(&mut self, error: &CallError) {
        tracing::debug!(pod = %self.key, error = %chain(error), "a Pod's deletion can't be confirmed");
        self.trouble.tell(error);
    }

    /// The API has it no more: nothing of it stays here either.
    async fn end_here(&mut self, grace: SignedDuration) -> Result<(), Stopped> {
        match self.context.node.delete(&self.key, Some(grace)).await {
            Ok(()) | Err(NodeError::NoSuchPod { .. }) => Ok(()),
            other => self.on_node(other),
        }
    }
}

/// Versions of one kind are numbers that grow.
fn version(pod: &Pod) -> Option<u64> {
    pod.metadata.resource_version.as_deref()?.parse().ok()
}

/// What the containers have of a Pod that is gone from the API.
fn grace_of_lost(pod: &Pod) -> SignedDuration {
    let of_spec = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
    let seconds = pod.metadata.deletion_grace_period_seconds.or(of_spec);
    SignedDuration::from_secs(seconds.unwrap_or(DEFAULT_GRACE).max(LEAST_GRACE))
}
