//! Says when the runtime goes away and when it is back, once each.

use std::time::Instant;

use reprise_cri::CriError;

use crate::error::chain;

/// Whether the runtime answers.
#[derive(Debug, Default)]
pub(super) struct Away {
    since: Option<Instant>,
}

impl Away {
    /// It did not answer, or has ended its events; why, if that is known.
    pub(super) fn failed(&mut self, why: Option<&CriError>) {
        let why = why.map_or_else(|| "it ended its events".to_owned(), |error| chain(error));
        if self.since.is_some() {
            return tracing::debug!(why, "container runtime is still down");
        }
        self.since = Some(Instant::now());
        tracing::warn!(why, "container runtime is down: containers go on, and are acted on when it is back");
    }

    /// It answers.
    pub(super) fn answered(&mut self) {
        if let Some(since) = self.since.take() {
            let away_seconds = since.elapsed().as_secs_f64();
            tracing::warn!(away_seconds, "container runtime is back");
        }
    }
}
