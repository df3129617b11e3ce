//! Statuses that the API has not got yet. The newest wins, but that all containers are being restarted is said before it is
//! said to be over, however short it was.

use std::collections::VecDeque;

use k8s_openapi::api::core::v1::PodStatus;

const RESTARTING: &str = "AllContainersRestarting";
/// A Pod that restarts faster than the API takes it in loses the oldest.
const MOST: usize = 16;

/// What is to be told about one Pod, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<PodStatus>);

impl Queue {
    /// The node has a newer status.
    pub(super) fn push(&mut self, status: PodStatus) {
        let last_says_it = self.0.back().is_some_and(is_restarting);
        if !last_says_it || is_restarting(&status) {
            self.0.pop_back();
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(status);
    }

    pub(super) fn first(&self) -> Option<&PodStatus> {
        self.0.front()
    }

    /// The API has the first one.
    pub(super) fn taken(&mut self) {
        self.0.pop_front();
    }

    /// The API is away: when it is back it need not hear of what is long over.
    pub(super) fn keep_newest(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(1));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_restarting(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|c| c.type_ == RESTARTING && c.status == "True")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn status(number: usize, restarting: bool) -> PodStatus {
        let condition = json!({"type": RESTARTING, "status": if restarting { "True" } else { "False" }});
        serde_json::from_value(json!({"message": number.to_string(), "conditions": [condition]})).unwrap()
    }

    fn drain(queue: &mut Queue) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(first) = queue.first() {
            all.push(first.message.clone().unwrap());
            queue.taken();
        }
        all
    }

    #[test]
    fn the_newest_wins_and_the_true_comes_before_the_false() {
        let mut queue = Queue::default();
        for (number, restarting) in [false, false, true, true, false, false].into_iter().enumerate() {
            queue.push(status(number, restarting));
        }
        assert_eq!(drain(&mut queue), ["3", "5"]);
        queue.push(status(1, true));
        queue.push(status(2, false));
        queue.keep_newest();
        assert_eq!(drain(&mut queue), ["2"]);
    }

    proptest! {
        #[test]
        fn the_last_is_always_told_and_no_restart_is_lost_below_the_limit(flags in proptest::collection::vec(any::<bool>(), 1..16)) {
            let mut queue = Queue::default();
            flags.iter().enumerate().for_each(|(number, restarting)| queue.push(status(number, *restarting)));
            let restarts = flags.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
            let told = drain(&mut queue);
            let of = |number: &String| flags[number.parse::<usize>().unwrap()];
            prop_assert_eq!(told.last(), Some(&(flags.len() - 1).to_string()));
            prop_assert_eq!(told.iter().filter(|number| of(number)).count(), restarts);
        }
    }
}
