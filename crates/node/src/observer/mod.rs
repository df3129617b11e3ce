//! Watches the runtime for all workers: one event stream per node, and listings around it.
//!
//! A listing follows every (re)connection, so that what happened while there was no stream is not missed. Events and
//! listings may overlap and come in any order: workers keep the newest state of each container.
//!
//! A runtime without events is asked again and again, in a [pace](Pace) that follows what happens; the [kernel](exits)
//! tells when a container's process has ended. Workers hear only of listings that show something else of their Pod
//! than the one before.

mod away;
mod dispatch;
mod exits;
mod pace;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reprise_cri::CriError;
use reprise_cri::v1::ContainerEventResponse;
use tonic::Streaming;

use away::Away;
pub(crate) use dispatch::Directory;
use dispatch::{LastListing, Told};
use exits::Exits;
pub(crate) use pace::Pace;

use crate::worker::Shared;

/// Servers written in Go send nothing, not even headers, before the first event: after this long the stream counts as open.
const OPEN_LIMIT: Duration = Duration::from_millis(200);
/// A listing for everybody now and then, in case an event was lost all the same.
const RELIST: Duration = Duration::from_secs(60);
/// Pauses between attempts to reach a runtime that is away.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Watches until the task is aborted.
pub(crate) async fn run(shared: Arc<Shared>, directory: Directory) {
    let mut observer = Observer { shared, directory, last: LastListing::default(), away: Away::default() };
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let ended = match observer.watch().await {
            Err(error) if error.is_unimplemented() => {
                tracing::info!("the runtime has no events: it is asked regularly");
                Err(observer.poll().await)
            }
            ended => ended,
        };
        // What went well for a while is no reason to wait.
        pause = if began.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        observer.away.failed(ended.err().as_ref());
        tokio::time::sleep(pause).await;
    }
}

struct Observer {
    shared: Arc<Shared>,
    directory: Directory,
    last: LastListing,
    away: Away,
}

impl Observer {
    /// Follows one stream to its end; an error unless the runtime ended it in an orderly way.
    async fn watch(&mut self) -> Result<(), CriError> {
        let shared = Arc::clone(&self.shared);
        let mut opening = pin!(shared.runtime.events());
        let opened = match tokio::time::timeout(OPEN_LIMIT, &mut opening).await {
            Ok(opened) => Some(opened?),
            Err(_) => None,
        };
        self.relist(Told::Everybody).await?;
        let mut stream = match opened {
            Some(stream) => stream,
            None => {
                let stream = loop {
                    match tokio::time::timeout(RELIST, &mut opening).await {
                        Ok(opened) => break opened?,
                        Err(_) => self.relist(Told::Everybody).await?,
                    }
                };
                // What happened before the stream was really open is in this listing.
                self.relist(Told::Everybody).await?;
                stream
            }
        };
        self.follow(&mut stream).await
    }

    async fn follow(&mut self, stream: &mut Streaming<ContainerEventResponse>) -> Result<(), CriError> {
        loop {
            // Dropping `message` half-way loses nothing: what has arrived stays in the stream.
            match tokio::time::timeout(RELIST, stream.message()).await {
                Ok(Ok(Some(event))) => self.directory.event(event),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(status)) => return Err(CriError::from_status("GetContainerEvents", "", &status)),
                Err(_) => self.relist(Told::Everybody).await?,
            }
        }
    }

    async fn relist(&mut self, told: Told) -> Result<(), CriError> {
        let asked_at = Instant::now();
        let all = self.shared.runtime.list(None).await?;
        self.away.answered();
        self.directory.listing(asked_at, all, &mut self.last, told);
        Ok(())
    }

    /// Asks again and again, until the runtime can't be reached: the next one may have events.
    async fn poll(&mut self) -> CriError {
        let (mut exits, mut told_everybody) = (Exits::default(), None::<Instant>);
        loop {
            let asked_at = Instant::now();
            let all = match self.shared.runtime.list(None).await {
                Ok(all) => all,
                Err(error) => return error,
            };
            self.away.answered();
            exits.follow(&self.shared, all.containers.iter().filter(|c| self.directory.has(c)));
            let told = match told_everybody {
                Some(at) if at.elapsed() < RELIST => Told::Concerned,
                _ => Told::Everybody,
            };
            if told == Told::Everybody {
                told_everybody = Some(asked_at);
            }
            self.directory.listing(asked_at, all, &mut self.last, told);
            self.shared.pace.rest().await;
        }
    }
}
