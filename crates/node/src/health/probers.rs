//! The probes of a Pod that run, one task each.

use std::collections::BTreeMap;

use reprise_core::probe::{ProbeKind, ProbeTask};

use crate::owned_task::OwnedTask;

/// All tasks of a Pod's probes.
#[derive(Debug, Default)]
pub(crate) struct Probers(BTreeMap<(String, ProbeKind), OwnedTask>);

impl Probers {
    /// Makes those run that are wanted, and no others.
    pub(crate) fn reconcile(&mut self, wanted: &[ProbeTask], start: impl Fn(&ProbeTask) -> Option<OwnedTask>) {
        self.0.retain(|(id, kind), _| wanted.iter().any(|task| task.id == *id && task.kind == *kind));
        for task in wanted {
            let key = (task.id.clone(), task.kind);
            if !self.0.contains_key(&key)
                && let Some(started) = start(task)
            {
                self.0.insert(key, started);
            }
        }
    }

    /// Whether this probe of the run `id` is to run: what another one still has to say does not count.
    pub(crate) fn runs(&self, id: &str, kind: ProbeKind) -> bool {
        self.0.contains_key(&(id.to_owned(), kind))
    }
}
