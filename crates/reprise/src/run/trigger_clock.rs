//! How long ago the restart of a Pod was triggered, for every event that belongs to it.

use jiff::Timestamp;
use reprise_core::step::{Trigger, millis_between};
use reprise_core::timeline::{Entry, Happened};

/// Watches the entries of one Pod.
#[derive(Debug, Default)]
pub struct TriggerClock {
    last_exits: std::collections::BTreeMap<String, Timestamp>,
    /// When the newest restart was triggered, and the epoch it leads to.
    running: Option<(Timestamp, u64)>,
}

impl TriggerClock {
    /// Milliseconds from the trigger to this entry, from the step until the Pod is Ready again or ends.
    pub fn since_trigger(&mut self, entry: &Entry) -> Option<f64> {
        match &entry.happened {
            Happened::ContainerExited { container, .. } => {
                self.last_exits.insert(container.clone(), entry.time);
            }
            Happened::RestartStepped { trigger } => {
                let exit = match trigger {
                    Trigger::ContainerExit { container, .. } => self.last_exits.get(container).copied(),
                    Trigger::Requested { .. } => None,
                };
                self.running = Some((exit.unwrap_or(entry.time), entry.epoch + 1));
            }
            _ => {}
        }
        let (triggered_at, epoch) = self.running?;
        let ends = matches!(entry.happened, Happened::PodReady | Happened::PodSucceeded | Happened::PodFailed { .. });
        if ends && entry.epoch >= epoch {
            self.running = None;
        }
        Some(millis_between(triggered_at, entry.time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_from_the_triggering_exit_until_the_pod_is_ready_again() {
        let mut clock = TriggerClock::default();
        let mut at = |ms: i64, epoch, happened| {
            let time = Timestamp::from_millisecond(ms).unwrap();
            clock.since_trigger(&Entry { time, epoch, happened })
        };
        let exited = Happened::ContainerExited {
            container: "watcher".into(),
            exit_code: 88,
            rule: Some(0),
            reason: "Error".into(),
            message: String::new(),
        };
        let trigger = Trigger::ContainerExit { container: "watcher".into(), exit_code: 88, rule: 0 };
        assert_eq!(at(900, 0, Happened::PodReady), None);
        assert_eq!(at(1000, 0, exited), None);
        assert_eq!(at(1002, 0, Happened::RestartStepped { trigger }), Some(2.0));
        assert_eq!(at(1005, 0, Happened::ContainersKilled), Some(5.0));
        assert_eq!(at(1040, 1, Happened::PodReady), Some(40.0));
        assert_eq!(at(2000, 1, Happened::PodSucceeded), None);
    }
}
