//! A watch that goes on over errors, 410 and servers that don't send initial events.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher::{self, Config, Error, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::backoff::{Backoff, Trouble};

/// Pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A kind of object that can be watched.
pub(crate) trait Watchable:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static
{
}

impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static> Watchable for K {}

/// All that changes about the objects that `fields` selects, from a full list on.
pub(crate) struct Watching<K> {
    api: Api<K>,
    fields: String,
    /// How long one watch goes on.
    seconds: u32,
    /// Servers up to 1.33 need a list first.
    streams_lists: bool,
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    backoff: Backoff,
    trouble: Trouble,
}

impl<K: Watchable> Watching<K> {
    /// `about` is what is said if it can't be done; `seconds` is how long one watch goes on.
    pub(crate) fn new(api: Api<K>, fields: impl Into<String>, seconds: u32, about: &'static str) -> Self {
        let fields = fields.into();
        let events = begin(&api, &fields, seconds, true);
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        Self { api, fields, seconds, streams_lists: true, events, backoff, trouble: Trouble::new(about) }
    }

    /// The next event. Dropped while it waits, it loses nothing.
    pub(crate) async fn next(&mut self) -> Event<K> {
        loop {
            match self.events.next().await {
                Some(Ok(event)) => {
                    // Init says only that it is asked.
                    if !matches!(event, Event::Init) {
                        self.backoff.reset();
                        self.trouble.over();
                    }
                    return event;
                }
                Some(Err(error)) if self.streams_lists && is_no_streaming(&error) => {
                    tracing::debug!("the API does not stream lists: they are asked for");
                    self.streams_lists = false;
                    self.again();
                }
                Some(Err(error)) => {
                    self.tell(&error);
                    tokio::time::sleep(self.backoff.pause()).await;
                }
                None => self.again(),
            }
        }
    }

    /// Lists anew at once, without waiting for what the connection of before may still bring.
    pub(crate) fn again(&mut self) {
        self.backoff.reset();
        self.events = begin(&self.api, &self.fields, self.seconds, self.streams_lists);
    }

    /// That a version is too old is how a watch begins anew, not trouble.
    fn tell(&mut self, error: &Error) {
        match error {
            Error::WatchError(status) if status.code == 410 => {
                tracing::debug!("the watch begins anew: {}", status.message);
            }
            error => self.trouble.tell(error),
        }
    }
}

fn begin<K: Watchable>(
    api: &Api<K>,
    fields: &str,
    seconds: u32,
    streams: bool,
) -> BoxStream<'static, watcher::Result<Event<K>>> {
    let config = Config::default().fields(fields).timeout(seconds);
    let config = if streams { config.streaming_lists() } else { config };
    watcher(api.clone(), config).boxed()
}

/// The API server's answers where the gate `WatchList` is off.
fn is_no_streaming(error: &Error) -> bool {
    let code = match error {
        Error::WatchStartFailed(kube::Error::Api(status)) => status.code,
        Error::WatchError(status) => status.code,
        _ => return false,
    };
    matches!(code, 400 | 422)
}
