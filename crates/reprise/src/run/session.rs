//! Pods on their way: tells what happens, and brings them to their end when asked to.
//!
//! ```text
//! Running --all ended, or Ctrl-C--> Removing --all gone--> done
//!    |                                  | Ctrl-C: kill
//!    +--(--keep) all ended, or Ctrl-C--> done, Pods stay
//! ```

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use jiff::SignedDuration;
use reprise_core::plan::Stage;
use reprise_core::static_pod;
use reprise_core::timeline::Entry;
use reprise_node::{News, Node, NodeError, NodeEvent, NodePaths, PodKey, PodView};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::output::Teller;
use super::watched::Watched;
use crate::interrupt::Interrupts;
use crate::logs::follow::PodLogs;
use crate::pod::PodReport;

/// What a run does with its Pods.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Leave them as they are at the end.
    pub keep: bool,
    /// Tell Kubernetes Events too.
    pub events: bool,
    /// How long to wait for the end; none is for ever.
    pub limit: Option<Duration>,
    /// Go on for static Pods, which come and go, until somebody interrupts.
    pub serves: bool,
}

/// Somebody who looks on.
type Witness<'a> = Box<dyn FnMut(&PodReport, &Entry) + Send + 'a>;

/// The Pods of a run.
pub struct Session<'a> {
    node: &'a Node,
    news: UnboundedReceiver<NodeEvent>,
    teller: Teller,
    options: Options,
    pods: Vec<Watched>,
    phase: Phase,
    /// Called with each timeline entry.
    witness: Witness<'a>,
    failure: Option<anyhow::Error>,
    interrupts: Interrupts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Removing { interrupted: bool },
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The Pods as they were last.
    pub pods: Vec<PodReport>,
    /// Somebody did not wait for the end.
    pub interrupted: bool,
}

impl<'a> Session<'a> {
    /// A session without Pods. `news` is all that the node says, from before the first Pod on. From now on, Ctrl-C
    /// is the session's.
    pub fn new(node: &'a Node, news: UnboundedReceiver<NodeEvent>, teller: Teller, options: Options) -> Result<Self> {
        let (pods, phase, failure) = (Vec::new(), Phase::Running, None);
        let interrupts = Interrupts::listen()?;
        Ok(Self { node, news, teller, options, pods, phase, witness: Box::new(|_, _| {}), failure, interrupts })
    }

    /// Has every timeline entry shown to `witness` as well.
    pub fn witness(&mut self, witness: impl FnMut(&PodReport, &Entry) + Send + 'a) {
        self.witness = Box::new(witness);
    }

    /// Tells about this Pod from now on. Of an adopted one, only what is new.
    pub fn watch(&mut self, view: &PodView, adopted: bool) -> Result<()> {
        let watched = Watched::new(view);
        let paths = NodePaths::new(&self.node.config().data_dir).pod(&view.pod);
        let mut logs = PodLogs::new(watched.report.short_name().to_owned(), paths.logs().to_owned());
        if adopted {
            logs.skip_written()?;
        }
        self.teller.follow(logs);
        self.pods.push(watched);
        Ok(())
    }

    /// Tells about the static Pods that there are.
    pub fn watch_static_pods(&mut self) -> Result<()> {
        if !self.options.serves {
            return Ok(());
        }
        let of_source = |view: &PodView| static_pod::Source::of(&view.pod).is_some();
        let is_new =
            |view: &PodView| self.pods.iter().all(|pod| Some(&pod.report.uid) != view.pod.metadata.uid.as_ref());
        let views: Vec<PodView> = self.node.pods().into_iter().filter(of_source).filter(is_new).collect();
        views.iter().try_for_each(|view| self.watch(view, true))
    }

    /// Goes on until all Pods have ended or somebody interrupts, and then removes them unless they are to be kept.
    pub async fn finish(mut self) -> Result<Outcome> {
        let mut interrupted = false;
        let limit = self.options.limit.map(|limit| Instant::now() + limit);
        while !self.is_over() {
            // Both receivers lose nothing when they are dropped, and a timer can be set again.
            tokio::select! {
                biased;
                event = self.news.recv() => {
                    let event = event.ok_or_else(|| anyhow!("the node has stopped telling what happens"))?;
                    let told = self.take(&event);
                    self.note(told);
                }
                () = self.interrupts.next() => {
                    interrupted = true;
                    if self.options.keep {
                        break;
                    }
                    self.interrupt().await?;
                }
                () = until(limit), if self.phase == Phase::Running => {
                    eprintln!("error: the Pods have not ended in time: ending them");
                    self.remove(false, Some(SignedDuration::ZERO)).await?;
                }
                () = self.teller.logs_due() => {
                    let told = self.teller.show_logs();
                    self.note(told);
                }
            }
            if self.phase == Phase::Running && (self.failure.is_some() || self.all_ended()) && !self.options.keep {
                self.remove(false, None).await?;
            }
        }
        let told = self.teller.show_logs();
        self.note(told);
        match self.failure {
            Some(error) => Err(error),
            None => Ok(Outcome { pods: self.pods.into_iter().map(|pod| pod.report).collect(), interrupted }),
        }
    }

    fn all_ended(&self) -> bool {
        !self.options.serves && self.pods.iter().all(Watched::has_ended)
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::Running => self.options.keep && (self.all_ended() || self.failure.is_some()),
            Phase::Removing { .. } => self.pods.iter().all(|pod| pod.stage == Stage::Gone),
        }
    }

    fn take(&mut self, event: &NodeEvent) -> Result<()> {
        if let News::NodeEvent(about) = &event.news {
            return if self.options.events { self.teller.node_event(&event.pod.name, about) } else { Ok(()) };
        }
        self.notice_static_pod(event)?;
        let Some(pod) = self.pods.iter_mut().find(|pod| pod.report.uid == event.uid) else { return Ok(()) };
        let since_trigger = pod.fold(&event.news);
        if self.options.serves && self.phase == Phase::Running && pod.stage == Stage::Gone {
            self.pods.retain(|pod| pod.report.uid != event.uid);
            return Ok(());
        }
        match &event.news {
            News::Entry(entry) => {
                (self.witness)(&pod.report, entry);
                self.teller.entry(&pod.report, entry, since_trigger)
            }
            News::Event(event) if self.options.events => self.teller.event(&pod.report, event),
            News::Status { .. } | News::Step(_) | News::Event(_) | News::NodeEvent(_) => Ok(()),
        }
    }

    /// A static Pod comes without having been asked for here.
    fn notice_static_pod(&mut self, event: &NodeEvent) -> Result<()> {
        let follows = self.options.serves && self.phase == Phase::Running;
        if !follows || self.pods.iter().any(|pod| pod.report.uid == event.uid) {
            return Ok(());
        }
        let view = self.node.pod(&event.pod).filter(|view| static_pod::Source::of(&view.pod).is_some());
        let view = view.filter(|view| view.pod.metadata.uid.as_ref() == Some(&event.uid));
        view.map_or(Ok(()), |view| self.watch(&view, false))
    }

    /// When nobody can be told any more, the Pods are still brought to their end.
    fn note(&mut self, told: Result<()>) {
        if let Err(error) = told {
            self.teller = Teller::Nobody;
            self.failure.get_or_insert(error);
        }
    }

    async fn interrupt(&mut self) -> Result<()> {
        match self.phase {
            Phase::Removing { interrupted: true } => {
                eprintln!("killing");
                self.remove(true, Some(SignedDuration::ZERO)).await
            }
            Phase::Running | Phase::Removing { interrupted: false } => {
                eprintln!("ending the Pods; Ctrl-C again to kill at once");
                self.remove(true, None).await
            }
        }
    }

    async fn remove(&mut self, interrupted: bool, grace: Option<SignedDuration>) -> Result<()> {
        self.phase = Phase::Removing { interrupted };
        // They would come back, and one may just have come.
        self.node.leave_static_pods().await;
        self.watch_static_pods()?;
        for pod in self.pods.iter_mut().filter(|pod| pod.stage != Stage::Gone) {
            delete(self.node, &pod.key, grace).await?;
        }
        Ok(())
    }
}

async fn until(limit: Option<Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

/// A Pod that has gone meanwhile is as good as deleted.
async fn delete(node: &Node, key: &PodKey, grace: Option<SignedDuration>) -> Result<()> {
    match node.delete(key, grace).await {
        Ok(()) | Err(NodeError::NoSuchPod { .. }) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("can't delete the Pod {key}")),
    }
}

/// Where Pods that are left running can be found again.
pub fn say_kept(data_dir: &Path, pods: &[PodReport]) {
    let reprise = format!("reprise --data-dir {}", data_dir.display());
    let names: Vec<&str> = pods.iter().filter(|pod| !pod.has_ended()).map(|pod| pod.pod.as_str()).collect();
    if names.is_empty() {
        eprintln!("the Pods' records are kept: {reprise} ps");
    } else {
        eprintln!("left running: {}", names.join(", "));
        eprintln!("see them with:  {reprise} ps");
        eprintln!("end them with:  {reprise} rm {}", names.join(" "));
    }
}
