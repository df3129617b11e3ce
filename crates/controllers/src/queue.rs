//! Work by key: several at once, never two on the same one, and again later what failed.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::agenda::Agenda;
use crate::error::Error;

const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A queue that many can add to.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    agenda: Mutex<Agenda<K, Instant>>,
    added: Notify,
}

impl<K: Clone + Ord + Hash + Display + Send + 'static> Queue<K> {
    /// An empty one.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { agenda: Mutex::new(Agenda::new()), added: Notify::new() })
    }

    /// Looks at `key` as soon as possible.
    pub(crate) fn add(&self, key: K) {
        self.add_after(key, Duration::ZERO);
    }

    /// Looks at `key` when `delay` is over.
    pub(crate) fn add_after(&self, key: K, delay: Duration) {
        self.agenda().add(key, Instant::now() + delay);
        self.added.notify_one();
    }

    /// Works for ever, on `limit` keys at once. `work` tells when it wants to look at its key again.
    pub(crate) async fn run(
        &self,
        limit: usize,
        mut work: impl FnMut(K) -> BoxFuture<'static, Result<Option<Duration>, Error>> + Send,
    ) {
        let mut tasks: JoinSet<(K, Result<Option<Duration>, Error>)> = JoinSet::new();
        let mut failures: HashMap<K, u32> = HashMap::new();
        loop {
            while tasks.len() < limit {
                let Some(key) = self.agenda().take(Instant::now()) else { break };
                let task = work(key.clone());
                tasks.spawn(async move { (key, task.await) });
            }
            let next = self.agenda().next_at().filter(|_| tasks.len() < limit);
            // All three lose nothing when another is first: a permit of `added` stays, a finished task stays in its set.
            tokio::select! {
                Some(ended) = tasks.join_next() => {
                    // A task that was aborted goes down together with this one.
                    if let Ok((key, result)) = ended {
                        self.finish(key, result, &mut failures);
                    }
                }
                () = self.added.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    fn finish(&self, key: K, result: Result<Option<Duration>, Error>, failures: &mut HashMap<K, u32>) {
        let again = match result {
            Ok(again) => {
                failures.remove(&key);
                again
            }
            Err(error) => {
                let count = failures.entry(key.clone()).or_default();
                let delay = delay_after(*count);
                *count += 1;
                tracing::debug!("{key}: {error}; tried again in {delay:?}");
                Some(delay)
            }
        };
        let mut agenda = self.agenda();
        agenda.done(&key);
        if let Some(delay) = again {
            agenda.add(key, Instant::now() + delay);
        }
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda<K, Instant>> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What failed that often before waits so long.
pub(crate) fn delay_after(failures: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << failures.min(16)).min(LONGEST_DELAY)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::mpsc;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_with_growing_delays() {
        let queue = Queue::new();
        queue.add("a");
        let (tell, mut told) = mpsc::unbounded_channel();
        let tries = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let work = move |_| {
            let tries = tries.fetch_add(1, Ordering::SeqCst);
            let _ = tell.send(start.elapsed().as_millis());
            async move { if tries < 3 { Err(Error::call("get", "Pod a")(kube::Error::TlsRequired)) } else { Ok(None) } }
                .boxed()
        };
        let ended = tokio::time::timeout(Duration::from_secs(3600), queue.run(2, work)).await;
        assert!(ended.is_err());
        let mut times = Vec::new();
        while let Ok(time) = told.try_recv() {
            times.push(time);
        }
        assert_eq!(times.len(), 4, "{times:?}");
        assert!(times[1] >= 50 && times[2] - times[1] >= 100 && times[3] - times[2] >= 200, "{times:?}");
    }

    #[test]
    fn no_delay_is_longer_than_a_minute() {
        assert_eq!(delay_after(0), Duration::from_millis(50));
        assert_eq!(delay_after(u32::MAX), Duration::from_secs(60));
    }
}
