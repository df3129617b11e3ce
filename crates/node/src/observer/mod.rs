//! Watches the runtime for all workers: one event stream per node, and listings around it.
//!
//! A listing follows every (re)connection, so that what happened while there was no stream is not missed. Events and
//! listings may overlap and come in any order: workers keep the newest state of each container.

mod dispatch;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reprise_cri::CriError;
use reprise_cri::v1::ContainerEventResponse;
use tonic::Streaming;

pub(crate) use dispatch::Directory;

use crate::error::chain;
use crate::worker::Shared;

/// Servers written in Go send nothing, not even headers, before the first event: after this long the stream counts as open.
const OPEN_LIMIT: Duration = Duration::from_millis(200);
/// A listing now and then, in case an event was lost all the same.
const RELIST: Duration = Duration::from_secs(60);
/// Pauses between attempts to reach a runtime that is away.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a runtime without events is asked while something is under way, and otherwise.
const QUICK_POLL: Duration = Duration::from_millis(20);
/// See [`QUICK_POLL`].
const SLOW_POLL: Duration = Duration::from_secs(1);

/// Watches until the task is aborted.
pub(crate) async fn run(shared: Arc<Shared>, directory: Directory) {
    let observer = Observer { shared, directory };
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let error = observer.watch().await;
        if error.as_ref().is_some_and(CriError::is_unimplemented) {
            tracing::info!("the runtime has no events: it is asked regularly");
            observer.poll().await;
        }
        // A stream that lived for a while is no reason to wait.
        pause = if began.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        match error {
            Some(error) => tracing::warn!(error = %chain(&error), "the runtime's events broke off, connecting again"),
            None => tracing::warn!("the runtime ended its events, connecting again"),
        }
        tokio::time::sleep(pause).await;
    }
}

struct Observer {
    shared: Arc<Shared>,
    directory: Directory,
}

impl Observer {
    /// Follows one stream to its end; none if the runtime ended it in an orderly way.
    async fn watch(&self) -> Option<CriError> {
        let mut opening = pin!(self.shared.runtime.events());
        let opened = tokio::time::timeout(OPEN_LIMIT, &mut opening).await;
        if let Err(error) = self.relist().await {
            return Some(error);
        }
        let mut stream = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Some(error),
            Err(_) => match opening.await {
                // What happened before the stream was really open is in this listing.
                Ok(stream) => match self.relist().await {
                    Ok(()) => stream,
                    Err(error) => return Some(error),
                },
                Err(error) => return Some(error),
            },
        };
        self.follow(&mut stream).await
    }

    async fn follow(&self, stream: &mut Streaming<ContainerEventResponse>) -> Option<CriError> {
        loop {
            // Dropping `message` half-way loses nothing: what has arrived stays in the stream.
            match tokio::time::timeout(RELIST, stream.message()).await {
                Ok(Ok(Some(event))) => self.directory.event(event),
                Ok(Ok(None)) => return None,
                Ok(Err(status)) => return Some(CriError::from_status("GetContainerEvents", "", &status)),
                Err(_) => {
                    if let Err(error) = self.relist().await {
                        return Some(error);
                    }
                }
            }
        }
    }

    async fn relist(&self) -> Result<(), CriError> {
        let asked_at = Instant::now();
        let all = self.shared.runtime.list(None).await?;
        self.directory.listing(asked_at, all);
        Ok(())
    }

    /// Asks again and again, until the runtime can't be reached: the next one may have events.
    async fn poll(&self) {
        loop {
            if let Err(error) = self.relist().await {
                tracing::warn!(error = %chain(&error), "the runtime can't be asked");
                return;
            }
            let busy = self.shared.busy.load(Ordering::Relaxed) > 0;
            tokio::time::sleep(if busy { QUICK_POLL } else { SLOW_POLL }).await;
        }
    }
}
