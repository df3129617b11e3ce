//! What a run knows of one of its Pods: the node's news folded together, so that it can still be told when the node
//! has forgotten the Pod.

use reprise_core::plan::Stage;
use reprise_core::timeline::{Entry, Happened};
use reprise_node::{News, PodKey, PodView};

use super::trigger_clock::TriggerClock;
use crate::pod::PodReport;

/// One Pod of a run.
#[derive(Debug)]
pub struct Watched {
    pub key: PodKey,
    pub report: PodReport,
    pub stage: Stage,
    clock: TriggerClock,
}

impl Watched {
    /// Begins with what the node says now.
    pub fn new(view: &PodView) -> Self {
        let (key, report) = (PodKey::of(&view.pod), PodReport::of(view));
        Self { key, report, stage: view.stage, clock: TriggerClock::default() }
    }

    /// Takes note of news. For a timeline entry: how many milliseconds after the trigger of the restart it belongs to.
    pub fn fold(&mut self, news: &News) -> Option<f64> {
        match news {
            News::Entry(entry) => return self.entry(entry),
            News::Status { status, stage, epoch } => {
                self.stage = *stage;
                // A Pod that is gone has no phase of its own any more: how it ended was said before.
                if let Some(phase) = &status.phase {
                    self.report.phase.clone_from(phase);
                }
                if status.pod_ip.is_some() {
                    self.report.ip.clone_from(&status.pod_ip);
                }
                self.report.epoch = *epoch;
                self.report.status = (**status).clone();
            }
            News::Step(step) => {
                self.report.steps.retain(|known| known.epoch != step.epoch);
                self.report.steps.push(step.clone());
            }
            News::Event(_) | News::NodeEvent(_) => {}
        }
        None
    }

    fn entry(&mut self, entry: &Entry) -> Option<f64> {
        if let Happened::SandboxReady { sandbox, ip } = &entry.happened {
            self.report.sandbox = Some(sandbox.clone());
            self.report.ip.clone_from(ip);
        }
        self.clock.since_trigger(entry)
    }

    /// Whether it has come to its end.
    pub fn has_ended(&self) -> bool {
        self.stage != Stage::Live
    }
}
