//! preStop hooks under way: each runs once, for as long as the time that its container is given at the most.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::owned_task::OwnedTask;

/// The hooks of a Pod's containers, by the runtime's id of the container.
#[derive(Debug, Default)]
pub(crate) struct PreStops(BTreeMap<String, PreStop>);

#[derive(Debug)]
struct PreStop {
    deadline: watch::Sender<Timestamp>,
    /// None once it is over.
    task: Option<OwnedTask>,
}

/// Where a container's hook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not been started.
    NotRun,
    /// It runs.
    Running,
    /// It has ended or was cut off.
    Over,
}

impl PreStops {
    pub(crate) fn standing(&self, id: &str) -> Standing {
        match self.0.get(id) {
            None => Standing::NotRun,
            Some(PreStop { task: Some(_), .. }) => Standing::Running,
            Some(PreStop { task: None, .. }) => Standing::Over,
        }
    }

    /// Starts the task that `run` makes of the deadline.
    pub(crate) fn start(
        &mut self,
        id: &str,
        deadline: Timestamp,
        run: impl FnOnce(watch::Receiver<Timestamp>) -> OwnedTask,
    ) {
        let (sender, receiver) = watch::channel(deadline);
        self.0.insert(id.to_owned(), PreStop { deadline: sender, task: Some(run(receiver)) });
    }

    /// The container has less time now.
    pub(crate) fn shorten(&self, id: &str, deadline: Timestamp) {
        if let Some(hook) = self.0.get(id) {
            hook.deadline.send_if_modified(|known| {
                let sooner = deadline < *known;
                *known = deadline.min(*known);
                sooner
            });
        }
    }

    /// The hook has ended, or it is to end: one that runs is cut off.
    pub(crate) fn end(&mut self, id: &str) {
        if let Some(hook) = self.0.get_mut(id) {
            hook.task = None;
        }
    }

    /// Forgets the containers for which `known` does not hold.
    pub(crate) fn retain(&mut self, known: impl Fn(&str) -> bool) {
        self.0.retain(|id, _| known(id));
    }
}

/// Waits for `hook`, at most until the deadline, which may come nearer meanwhile. None if that came first.
pub(crate) async fn until<T>(hook: impl Future<Output = T>, mut deadline: watch::Receiver<Timestamp>) -> Option<T> {
    tokio::pin!(hook);
    loop {
        let left = deadline.borrow_and_update().duration_since(Timestamp::now());
        tokio::select! {
            biased;
            result = &mut hook => return Some(result),
            () = tokio::time::sleep(Duration::try_from(left).unwrap_or_default()) => return None,
            changed = deadline.changed() => if changed.is_err() { return None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn in_seconds(seconds: i64) -> Timestamp {
        Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    #[tokio::test]
    async fn a_hook_ends_by_itself_or_when_its_time_is_cut() {
        let (sender, deadline) = watch::channel(in_seconds(600));
        assert_eq!(until(async { 1 }, deadline.clone()).await, Some(1));
        let hangs = tokio::spawn(until(std::future::pending::<()>(), deadline));
        sender.send(Timestamp::now()).unwrap();
        assert_eq!(hangs.await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_hook_runs_once_and_is_over_when_it_was_cut_off() {
        let mut hooks = PreStops::default();
        assert_eq!(hooks.standing("1"), Standing::NotRun);
        hooks.start("1", in_seconds(600), |_| OwnedTask::spawn(std::future::pending()));
        assert_eq!(hooks.standing("1"), Standing::Running);
        hooks.end("1");
        assert_eq!(hooks.standing("1"), Standing::Over);
        hooks.retain(|_| false);
        assert_eq!(hooks.standing("1"), Standing::NotRun);
    }
}
