//! Tells when something in a folder changes.

use std::io;
use std::path::Path;
use std::time::Duration;

use inotify::{EventStream, Inotify, WatchMask};
use tokio_stream::StreamExt;

/// Who writes one file often writes more.
const SETTLE: Duration = Duration::from_millis(100);
/// Room for one event at least, with the longest name.
const ROOM: usize = 4096;

/// A watch on one folder. It is made before the folder is read, so that no change falls between the two.
pub(super) struct Watch(EventStream<Vec<u8>>);

impl Watch {
    /// Watches what is at `path`: a folder, or the one that a file is in.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let queue = Inotify::init()?;
        // Not every write, only its end: half a manifest is of no use.
        let changes = WatchMask::CREATE | WatchMask::CLOSE_WRITE | WatchMask::MOVE | WatchMask::DELETE;
        queue.watches().add(folder, changes | WatchMask::DELETE_SELF | WatchMask::MOVE_SELF)?;
        Ok(Self(queue.into_event_stream(vec![0; ROOM])?))
    }

    /// Waits until something has changed and then a moment for what comes with it. If the watch itself fails, for ever:
    /// there is another look soon.
    pub(super) async fn changed(&mut self) {
        match self.0.next().await {
            Some(Ok(_)) => tokio::time::sleep(SETTLE).await,
            Some(Err(error)) => {
                tracing::warn!(%error, "the folder of static pods can't be watched");
                std::future::pending::<()>().await;
            }
            None => std::future::pending().await,
        }
    }
}
