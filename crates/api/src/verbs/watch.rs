//! Changes as they happen: a stream of events, each a line of JSON.
//!
//! A watch begins with everything that there is, or after a revision. It ends at its time, when the server closes, or with an
//! `ERROR` event when it is so slow that the history has forgotten what it should read next: then the client lists again.

mod initial;
mod lines;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream;
use hyper::body::Frame;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use self::initial::Begin;
use self::lines::Lines;
use super::answer::{Answer, Content};
use super::asked::Asked;
use super::selection::Selection;
use crate::http;
use crate::printing::IncludeObject;
use crate::request::ListOptions;
use crate::server::Server;
use crate::status::ApiError;
use crate::store::{Event, Stored, WatchEnd, WatchStream};

/// How often a watch that nothing happens to says how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts whose client does not say, at least; at most it is twice as long.
const LASTS: u64 = 30 * 60;
/// How much of what there is comes in one piece, in bytes.
const PIECE: usize = 64 << 10;

pub(crate) fn watch(server: &Server, asked: &Asked, options: &ListOptions) -> Result<Answer, ApiError> {
    let include = IncludeObject::parse(asked.query.text("includeObject"))?;
    let selection = Selection { labels: options.labels.clone(), fields: options.fields.clone() };
    let lines = Lines::new(asked, selection, include);
    let body = match Begin::of(&server.store, asked, options) {
        Ok(begin) => {
            let told = server.metrics.watched(asked.resource);
            http::streamed(stream::unfold(Watch::new(begin, lines, told, options, server), Watch::piece))
        }
        Err(old) => http::whole(lines.error(&ApiError::expired(old.to_string()))),
    };
    let content_type = asked.accepted.content_type();
    let response = http::response(200, content_type, body);
    Ok(Answer::new(200, Content::Response(Box::new(response))))
}

/// A watch under way.
struct Watch {
    /// What there was at the beginning and was not sent yet, the last first.
    initial: Vec<Stored>,
    /// Whether a bookmark is to say that this was all.
    end_of_initial: Option<u64>,
    events: WatchStream,
    lines: Lines,
    /// How many events all watches of the resource have told.
    told: Arc<AtomicU64>,
    bookmarks: Option<Interval>,
    end: Pin<Box<Sleep>>,
    closing: CancellationToken,
    ended: bool,
}

impl Watch {
    fn new(begin: Begin, lines: Lines, told: Arc<AtomicU64>, options: &ListOptions, server: &Server) -> Self {
        let random = || Duration::from_secs(fastrand::u64(LASTS..2 * LASTS));
        let end = Instant::now() + options.timeout.unwrap_or_else(random);
        let bookmarks = options.bookmarks.then(|| {
            let mut bookmarks = interval_at(Instant::now() + BOOKMARKS, BOOKMARKS);
            bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            bookmarks
        });
        Self {
            initial: begin.initial,
            end_of_initial: begin.end_of_initial.filter(|_| options.bookmarks),
            events: begin.events,
            lines,
            told,
            bookmarks,
            end: Box::pin(sleep_until(end)),
            closing: server.closing.clone(),
            ended: false,
        }
    }

    /// The next piece of the body.
    async fn piece(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        let bytes = self.next().await?;
        Some((Ok(Frame::data(bytes)), self))
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.next_initial() {
            return Some(bytes);
        }
        while !self.ended {
            // All of these can be left and waited for again without losing anything.
            let happened = tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                () = &mut self.end => return None,
                events = self.events.next() => Some(events),
                () = tick(self.bookmarks.as_mut()) => None,
            };
            let bytes = match happened {
                Some(Ok(events)) => self.told(&events),
                Some(Err(WatchEnd::Closed)) => return None,
                Some(Err(WatchEnd::TooOld(old))) => {
                    self.ended = true;
                    self.lines.error(&ApiError::expired(old.to_string()))
                }
                None => self.lines.bookmark(self.events.progress(), false),
            };
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
        None
    }

    fn next_initial(&mut self) -> Option<Bytes> {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE
            && let Some(object) = self.initial.pop()
        {
            self.lines.added(&object, &mut piece);
            self.told.fetch_add(1, Ordering::Relaxed);
        }
        if self.initial.is_empty() {
            // Many watchers may have begun with many objects.
            self.initial = Vec::new();
        }
        if self.initial.is_empty()
            && let Some(revision) = self.end_of_initial.take()
        {
            piece.extend_from_slice(&self.lines.bookmark(revision, true));
        }
        (!piece.is_empty()).then(|| piece.freeze())
    }

    fn told(&mut self, events: &[Arc<Event>]) -> Bytes {
        if let [one] = events {
            let line = self.lines.event(one);
            self.told.fetch_add(u64::from(line.is_some()), Ordering::Relaxed);
            return line.unwrap_or_default();
        }
        let (mut piece, mut lines) = (BytesMut::new(), 0);
        for line in events.iter().filter_map(|event| self.lines.event(event)) {
            piece.extend_from_slice(&line);
            lines += 1;
        }
        self.told.fetch_add(lines, Ordering::Relaxed);
        piece.freeze()
    }
}

/// Never, if there are no bookmarks.
async fn tick(bookmarks: Option<&mut Interval>) {
    match bookmarks {
        Some(bookmarks) => {
            bookmarks.tick().await;
        }
        None => std::future::pending().await,
    }
}
