//! When each node was last heard of.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

/// What a node says of its being alive: the time in its lease, and the one in its `Ready` condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) renewed: Option<Timestamp>,
    pub(super) reported: Option<Timestamp>,
}

/// The last change that was seen of each node's.
#[derive(Debug, Default)]
pub(super) struct Heartbeats(HashMap<String, (Beat, Instant)>);

impl Heartbeats {
    /// Takes in what a node says now, and tells since when it has said nothing new.
    pub(super) fn hear(&mut self, node: &str, beat: Beat, now: Instant) -> Instant {
        let (last, since) = self.0.entry(node.to_owned()).or_insert((beat, now));
        if *last != beat {
            (*last, *since) = (beat, now);
        }
        *since
    }

    /// Forgets nodes that are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_there(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn only_what_changes_is_a_sign_of_life_whatever_the_node_s_clock_says() {
        let (mut beats, start) = (Heartbeats::default(), Instant::now());
        let at = |second| Beat { renewed: Timestamp::from_second(second).ok(), reported: None };
        assert_eq!(beats.hear("a", at(5), start), start);
        let later = start + Duration::from_secs(50);
        assert_eq!(beats.hear("a", at(5), later), start);
        assert_eq!(beats.hear("a", at(3), later), later);
    }
}
