//! Which ledger changes must be on disk before anything is done.
//!
//! Nearly all. A container that was created or started is in the runtime with its epoch and attempt and will be seen
//! there again after a crash; removing it later waits for its exit, which is such a change. Leaving these two out
//! saves a restart one disk write per container and step; they are written a moment later. Whether a run has come up and
//! is ready waits too: its probes and its hook would say so again. That it is to end does not: nobody else would know.

use reprise_core::ledger::{ContainerRecord, Ledger, Run};

/// Whether `new` holds something beyond `old` that nobody can be asked for again.
pub(crate) fn needs_disk(old: &Ledger, new: &Ledger) -> bool {
    stripped(old) != stripped(new)
}

/// The ledger without what the runtime can be asked for again.
fn stripped(ledger: &Ledger) -> Ledger {
    let mut rest = ledger.clone();
    rest.conditions.clear();
    rest.initialized = false;
    if let Some(step) = &mut rest.last_step {
        (step.init_running_at, step.main_running_at, step.ready_at) = (None, None, None);
    }
    rest.failures.running_since = None;
    rest.containers.retain(|_, record| {
        strip(record);
        *record != ContainerRecord::default()
    });
    rest
}

fn strip(record: &mut ContainerRecord) {
    record.run.take_if(|run: &mut Run| run.exit.is_none() && run.condemned.is_none());
    record.failures.running_since = None;
    if record.run.is_none() {
        record.restart_after = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use reprise_core::ledger::{Condemned, Exit};

    fn with_run(exit: Option<Exit>) -> Ledger {
        let run = Run {
            id: "1".into(),
            sandbox: "s".into(),
            image: String::new(),
            image_id: String::new(),
            started_at: Some(Timestamp::UNIX_EPOCH),
            started: false,
            post_start_done: false,
            ready: false,
            condemned: None,
            exit,
        };
        let record = ContainerRecord { run: Some(run), ..ContainerRecord::default() };
        Ledger { containers: [("c".to_owned(), record)].into(), ..Ledger::default() }
    }

    #[test]
    fn a_start_can_wait_but_an_exit_a_count_or_an_epoch_can_not() {
        let none = Ledger::default();
        let exit = Exit {
            id: "1".into(),
            exit_code: 0,
            reason: String::new(),
            message: String::new(),
            started_at: None,
            finished_at: Timestamp::UNIX_EPOCH,
        };
        assert!(!needs_disk(&none, &with_run(None)));
        assert!(needs_disk(&with_run(None), &with_run(Some(exit))));
        assert!(needs_disk(&none, &Ledger { epoch: 1, ..Ledger::default() }));
        let with_health = |change: fn(&mut Run)| {
            let mut ledger = with_run(None);
            ledger.containers.get_mut("c").unwrap().run.as_mut().map(change);
            ledger
        };
        let ready = with_health(|run| (run.started, run.post_start_done, run.ready) = (true, true, true));
        assert!(!needs_disk(&with_run(None), &ready));
        let end = Condemned { message: String::new(), deadline: Timestamp::UNIX_EPOCH };
        let mut condemned = ready.clone();
        condemned.containers.get_mut("c").unwrap().run.as_mut().unwrap().condemned = Some(end);
        assert!(needs_disk(&ready, &condemned));
        let mut counted = with_run(None);
        counted.containers.get_mut("c").unwrap().restart_count = 1;
        assert!(needs_disk(&with_run(None), &counted));
    }
}
