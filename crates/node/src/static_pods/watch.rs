//! Tells when something in a folder changes.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Who writes one file often writes more.
const SETTLE: Duration = Duration::from_millis(100);

/// A watch on one folder. It is made before the folder is read, so that no change falls between the two.
pub(super) struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    /// Watches what is at `path`: a folder, or the one that a file is in.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // Not every write, only its end: half a manifest is of no use.
        let changes = WatchFlags::CREATE | WatchFlags::CLOSE_WRITE | WatchFlags::MOVE | WatchFlags::DELETE;
        inotify::add_watch(&queue, folder, changes | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF)?;
        Ok(Self(AsyncFd::register(queue)?))
    }

    /// Waits until something has changed and then a moment for what comes with it.
    pub(super) async fn changed(&self) -> io::Result<()> {
        self.0.readable().await?.retain_ready();
        tokio::time::sleep(SETTLE).await;
        Ok(())
    }
}
