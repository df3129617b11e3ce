//! Responses under way: how many there are on all connections, and those that nobody takes anything of.
//!
//! A connection of HTTP/2 has many of them, and one that its client does not read must not keep anything for it: the rest of a
//! list keeps objects alive that have long changed. The connection as a whole goes on, so what is dropped is that response.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Body;
use super::stall::MayPause;
use crate::status::ApiError;

/// Requests and responses under way on all connections together, most of them watches.
const MAX_UNDER_WAY: usize = 64 << 10;

/// Room for requests and responses of all connections.
#[derive(Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_UNDER_WAY)))
    }
}

/// Those of one connection.
pub(super) struct Responses {
    places: Places,
    state: Mutex<State>,
}

struct State {
    /// How many there are, those that are not answered yet included.
    count: usize,
    /// Since when there were none.
    idle_since: Instant,
    next: u64,
    bodies: HashMap<u64, Arc<Mutex<Slot>>>,
}

/// One of them, before it has a body.
pub(super) struct Place {
    of: Arc<Responses>,
    _place: OwnedSemaphorePermit,
}

/// The body of a response that may be dropped.
struct Slot {
    /// None once nobody has taken anything of it for too long.
    body: Option<Body>,
    /// Since when a piece of it waits to be taken. None: there is nothing to take.
    waits_since: Option<Instant>,
    may_pause: MayPause,
}

impl Responses {
    /// None yet.
    pub(super) fn new(places: Places) -> Self {
        let state = State { count: 0, idle_since: Instant::now(), next: 0, bodies: HashMap::new() };
        Self { places, state: Mutex::new(state) }
    }

    /// One more.
    ///
    /// # Errors
    /// 429 if there are too many on all connections together.
    pub(super) fn begin(self: &Arc<Self>) -> Result<Place, ApiError> {
        let place = Arc::clone(&self.places.0).try_acquire_owned().map_err(|_| {
            let message = format!("Too many requests: {MAX_UNDER_WAY} are under way, please try again later.");
            ApiError::new(429, "TooManyRequests", message).retry_after(1)
        })?;
        lock(&self.state).count += 1;
        Ok(Place { of: Arc::clone(self), _place: place })
    }

    /// Drops what has waited for so long to be taken.
    pub(super) fn drop_stalled(&self, longest: Duration) {
        let bodies: Vec<_> = lock(&self.state).bodies.values().cloned().collect();
        for body in bodies {
            let dropped = {
                let mut slot = lock(&body);
                let stalled = slot.waits_since.is_some_and(|since| since.elapsed() >= longest);
                if stalled && !slot.may_pause.is_allowed() { slot.body.take() } else { None }
            };
            drop(dropped);
        }
    }

    /// How long there were none.
    pub(super) fn idle_for(&self) -> Duration {
        let state = lock(&self.state);
        if state.count == 0 { state.idle_since.elapsed() } else { Duration::ZERO }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.of.state);
        state.count -= 1;
        state.idle_since = Instant::now();
    }
}

impl Place {
    /// The body of this response.
    pub(super) fn with(self, body: Body, may_pause: MayPause) -> Body {
        let slot = Slot { body: Some(body), waits_since: Some(Instant::now()), may_pause };
        let slot = Arc::new(Mutex::new(slot));
        let mut state = lock(&self.of.state);
        let id = state.next;
        state.next += 1;
        state.bodies.insert(id, Arc::clone(&slot));
        drop(state);
        Tracked { slot, id, place: self }.boxed_unsync()
    }
}

/// A body that is known to its connection.
struct Tracked {
    slot: Arc<Mutex<Slot>>,
    id: u64,
    place: Place,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let forgotten = lock(&self.place.of.state).bodies.remove(&self.id);
        drop(forgotten);
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut slot = lock(&self.slot);
        let Some(body) = slot.body.as_mut() else { return Poll::Ready(Some(Err(Box::new(Stalled)))) };
        let polled = Pin::new(body).poll_frame(context);
        slot.waits_since = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.slot).body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.slot).body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

/// Nobody took anything of a response for too long.
#[derive(Debug)]
struct Stalled;

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client takes nothing of this response")
    }
}

impl Error for Stalled {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{FutureExt, StreamExt, stream};

    use super::super::answer::{streamed, whole};
    use super::*;

    fn pieces(number: usize) -> impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
        stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"piece")))).take(number)
    }

    fn responses() -> Arc<Responses> {
        Arc::new(Responses::new(Places::default()))
    }

    #[tokio::test]
    async fn a_response_that_nobody_takes_is_dropped_and_its_reader_is_told() {
        let responses = responses();
        let mut read = responses.begin().unwrap().with(streamed(pieces(5)), MayPause::default());
        assert!(read.frame().await.unwrap().is_ok());
        responses.drop_stalled(Duration::from_secs(60));
        assert!(read.frame().await.unwrap().is_ok(), "it was read just now");
        responses.drop_stalled(Duration::ZERO);
        assert!(read.frame().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn one_that_has_nothing_to_say_or_may_be_left_alone_is_not() {
        let responses = responses();
        let quiet = pieces(1).chain(stream::pending());
        let mut quiet = responses.begin().unwrap().with(streamed(quiet), MayPause::default());
        assert!(quiet.frame().await.unwrap().is_ok());
        assert!(quiet.frame().now_or_never().is_none(), "it waits for something to happen");
        let may_pause = MayPause::default();
        may_pause.allow();
        let mut log = responses.begin().unwrap().with(streamed(pieces(2)), may_pause);
        responses.drop_stalled(Duration::ZERO);
        assert!(log.frame().await.unwrap().is_ok());
        assert!(quiet.frame().now_or_never().is_none());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_what_is_over() {
        let responses = responses();
        let body = responses.begin().unwrap().with(whole("all".into()), MayPause::default());
        assert_eq!((body.size_hint().exact(), responses.idle_for()), (Some(3), Duration::ZERO));
        drop(responses.begin().unwrap());
        assert_eq!(lock(&responses.state).count, 1);
        drop(body);
        let state = lock(&responses.state);
        assert!(state.bodies.is_empty() && state.count == 0);
        assert_eq!(responses.places.0.available_permits(), MAX_UNDER_WAY);
    }
}
