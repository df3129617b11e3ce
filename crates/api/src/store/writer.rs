//! The thread through which all changes go: it takes all that wait, makes one durable commit of them, shows them to
//! readers and watchers, and answers.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::batch::{Batch, Outcome, Prepared};
use super::change::{Expect, WriteError};
use super::database::Database;
use super::event::Event;
use super::expiry::Expiry;
use super::memory::Memory;
use super::object::Stored;
use super::seal::Seal;

/// A change that waits, and who waits for its answer.
pub(super) struct Request {
    pub(super) change: Prepared,
    pub(super) answer: oneshot::Sender<Result<Stored, WriteError>>,
    /// Its place in the queue.
    pub(super) _place: OwnedSemaphorePermit,
}

/// What the thread is told.
pub(super) enum Message {
    /// Make a change.
    Write(Box<Request>),
    /// End, once all that was asked before is done.
    Close(oneshot::Sender<()>),
}

/// Tells all who follow the store that it has ended, also if the thread panics.
pub(super) struct Ending(pub(super) Arc<RwLock<Memory>>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
        memory.closed = true;
        let everybody = memory.everybody();
        drop(memory);
        everybody.iter().for_each(|news| news.notify_waiters());
    }
}

/// What the thread has.
pub(super) struct Writer {
    queue: Receiver<Message>,
    memory: Arc<RwLock<Memory>>,
    database: Database,
    seal: Arc<dyn Seal>,
    expiry: Expiry,
    /// Bytes of all objects.
    live: u64,
    /// A commit that failed and may be on the disk all the same.
    unsure: Option<Outcome>,
}

/// So many changes go into one commit.
const CHANGES_AT_ONCE: usize = 1024;
/// With this much of JSON.
const BYTES_AT_ONCE: usize = 16 << 20;
/// So long nothing must have been asked before a file is compacted that need not be at once.
const QUIET: Duration = Duration::from_secs(1);
/// A file that is so many times longer than its objects is compacted at once.
const FAR_TOO_LONG: u64 = 6;
/// The clock may be set: what expires is looked at so often.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Writer {
    pub(super) fn new(
        queue: Receiver<Message>,
        memory: Arc<RwLock<Memory>>,
        database: Database,
        seal: Arc<dyn Seal>,
    ) -> Self {
        let (mut expiry, mut live) = (Expiry::default(), 0);
        for object in memory.read().unwrap_or_else(PoisonError::into_inner).all() {
            expiry.add(object);
            live += size(object);
        }
        Self { queue, memory, database, seal, expiry, live, unsure: None }
    }

    /// Works until it is told to close, or nobody is left who could ask. Returned is who wants to know that it is closed.
    pub(super) fn run(mut self) -> Option<oneshot::Sender<()>> {
        let mut closing = None;
        while closing.is_none() {
            let first = self.wait()?;
            let requests = self.take(first, &mut closing);
            self.carry_out(requests);
            if self.database.slack(self.live).is_some_and(|factor| factor >= FAR_TOO_LONG) {
                self.database.compact();
            }
        }
        closing
    }

    /// The next message. `Some(None)`: none, but something expires. None: there will be none.
    fn wait(&mut self) -> Option<Option<Message>> {
        let mut quiet = false;
        loop {
            let expires = self.expiry.wait(Timestamp::now()).map(|wait| wait.min(LONGEST_WAIT));
            let compacts = (!quiet && self.database.slack(self.live).is_some()).then_some(QUIET);
            let Some(wait) = expires.into_iter().chain(compacts).min() else {
                return self.queue.recv().ok().map(Some);
            };
            match self.queue.recv_timeout(wait) {
                Ok(message) => return Some(Some(message)),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if compacts == Some(wait) {
                self.database.compact();
                quiet = true;
            }
            if self.expiry.wait(Timestamp::now()).is_some_and(|wait| wait.is_zero()) {
                return Some(None);
            }
        }
    }

    /// All requests that wait.
    fn take(&mut self, first: Option<Message>, closing: &mut Option<oneshot::Sender<()>>) -> Vec<Request> {
        let (mut requests, mut bytes) = (Vec::new(), 0);
        let mut next = first;
        while let Some(message) = next {
            match message {
                Message::Close(closed) => {
                    *closing = Some(closed);
                    break;
                }
                Message::Write(request) => {
                    bytes += request.change.content.as_ref().map_or(0, |content| content.text.len());
                    requests.push(*request);
                }
            }
            if requests.len() == CHANGES_AT_ONCE || bytes > BYTES_AT_ONCE {
                break;
            }
            // Nothing more waits, or nobody is left: both end this commit's list.
            next = self.queue.try_recv().ok();
        }
        requests
    }

    /// Decides, commits, shows and answers.
    fn carry_out(&mut self, requests: Vec<Request>) {
        if let Err(problem) = self.recover() {
            tracing::error!(problem, "the database can't be written");
            return answer_all(requests, &problem);
        }
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new(&memory, &*self.seal);
        for key in self.expiry.due(Timestamp::now(), CHANGES_AT_ONCE) {
            if let Err(error) = batch.add(Prepared { key, expect: Expect::Any, content: None }) {
                tracing::warn!(%error, "what has expired can't be deleted");
            }
        }
        let mut answers = Vec::with_capacity(requests.len());
        for Request { change, answer, _place } in requests {
            answers.push((answer, batch.add(change), _place));
        }
        let outcome = batch.finish();
        drop(memory);

        let committed = match outcome.events.is_empty() {
            true => Ok(()),
            false => self.database.commit(outcome.rows(), outcome.revision),
        };
        match &committed {
            Ok(()) => self.show(&outcome.events),
            Err(problem) => {
                tracing::error!(problem, "a commit has failed");
                self.unsure = Some(outcome);
            }
        }
        for (answer, decided, _place) in answers {
            let answered = committed.clone().map_err(WriteError::Storage).and(decided);
            // Who asked may have gone: the change is made all the same.
            let _ = answer.send(answered);
        }
    }

    /// After a failed commit: opens the file again, and shows what was committed after all.
    fn recover(&mut self) -> Result<(), String> {
        if !self.database.is_lost() {
            return Ok(());
        }
        let known = self.memory.read().unwrap_or_else(PoisonError::into_inner).revision();
        let failed = self.unsure.as_ref().map(|outcome| outcome.revision);
        let found = self.database.reopen(|found| found == known || Some(found) == failed)?;
        if let Some(outcome) = self.unsure.take().filter(|_| found != known) {
            self.show(&outcome.events);
        }
        Ok(())
    }

    /// Readers and watchers see these changes from now on.
    fn show(&mut self, events: &[Arc<Event>]) {
        for event in events {
            if let Some(old) = &event.old {
                self.expiry.remove(old);
                self.live = self.live.saturating_sub(size(old));
            }
            if event.kind != super::event::EventKind::Deleted {
                self.expiry.add(&event.object);
                self.live += size(&event.object);
            }
        }
        let touched = self.memory.write().unwrap_or_else(PoisonError::into_inner).apply(events);
        touched.iter().for_each(|news| news.notify_waiters());
    }
}

/// About what an object takes on disk.
fn size(object: &Stored) -> u64 {
    let pairs = object.labels.as_bytes().len() + object.fields.as_bytes().len();
    (object.json.len() + pairs + 128) as u64
}

fn answer_all(requests: Vec<Request>, problem: &str) {
    for request in requests {
        // Who asked may have gone.
        let _ = request.answer.send(Err(WriteError::Storage(problem.to_owned())));
    }
}
