//! When a probe is tried first.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reprise_core::probe::Timing;

/// What the first try depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub now: Timestamp,
    /// When the container's program started.
    pub started_at: Timestamp,
    /// When this agent started.
    pub agent_started_at: Timestamp,
}

/// How long to wait for the first try: until the initial delay is over. Containers that an agent finds running when it
/// starts would all be tried at once: they wait a part (`share`, from 0 to 1) of their period more, as in the kubelet.
pub(super) fn first_wait(moment: Moment, timing: &Timing, share: f64) -> Duration {
    let Moment { now, started_at, agent_started_at } = moment;
    // A clock that was set back makes the start lie ahead.
    let running_for = now.duration_since(started_at).max(SignedDuration::ZERO);
    if running_for < timing.initial_delay {
        return Duration::try_from(timing.initial_delay - running_for).unwrap_or_default();
    }
    let agent_is_new = now.duration_since(agent_started_at) < timing.period;
    if started_at < agent_started_at && agent_is_new {
        return Duration::try_from(timing.period).unwrap_or_default().mul_f64(share.clamp(0.0, 1.0));
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Probe;

    fn wait(now: i64, started_at: i64, agent_started_at: i64) -> u64 {
        let probe = Probe { initial_delay_seconds: Some(5), period_seconds: Some(10), ..Probe::default() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let moment = Moment { now: at(now), started_at: at(started_at), agent_started_at: at(agent_started_at) };
        first_wait(moment, &Timing::of(&probe), 0.5).as_secs()
    }

    #[test]
    fn the_initial_delay_counts_from_the_start_of_the_program() {
        assert_eq!(wait(100, 100, 50), 5);
        assert_eq!(wait(103, 100, 50), 2);
        assert_eq!(wait(110, 100, 50), 0);
        assert_eq!(wait(10, 7200, 7190), 5, "the clock was set back by two hours");
    }

    #[test]
    fn only_what_a_new_agent_finds_running_is_spread() {
        assert_eq!(wait(101, 10, 100), 5, "half of the period");
        assert_eq!(wait(101, 98, 100), 2, "still within its initial delay");
        assert_eq!(wait(120, 10, 100), 0, "the agent is not new any more");
    }
}
