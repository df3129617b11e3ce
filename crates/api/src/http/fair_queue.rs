//! Who may be served at the same time: a bounded number of requests, shared fairly between those who ask.
//!
//! As long as seats are free, whoever asks gets one. Then requests wait, those of each user in a queue of their own, and
//! users take turns: one that sends a thousand requests at once delays its own, not the one of somebody else. No user gets
//! all seats, so there is always one soon for the next. What can't wait any more is refused with 429.
//!
//! A seat is for the time in which a request is worked on. Watches, logs and other streams give theirs back when they begin.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::status::ApiError;

/// How much is served and waits at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    /// Requests that are served at once.
    pub(crate) seats: usize,
    /// Of these, those of one user.
    pub(crate) seats_of_one: usize,
    /// Requests of one user that wait.
    pub(crate) waiting_of_one: usize,
    /// Requests that wait.
    pub(crate) waiting: usize,
    /// How long one waits.
    pub(crate) patience: Duration,
}

impl Default for QueueLimits {
    /// Many writes must be able to wait for the same commit; the time to wait is the API server's.
    fn default() -> Self {
        let patience = Duration::from_secs(15);
        Self { seats: 256, seats_of_one: 192, waiting_of_one: 1024, waiting: 4096, patience }
    }
}

/// Gives out seats. All clones are the same queue.
#[derive(Clone)]
pub(crate) struct FairQueue {
    queue: Arc<Mutex<Queue>>,
    patience: Duration,
}

/// A request may be served as long as it has this.
pub(crate) struct Seat {
    queue: Arc<Mutex<Queue>>,
    /// None once it was given back.
    user: Option<Arc<str>>,
}

struct Queue {
    limits: QueueLimits,
    free: usize,
    waiting: usize,
    users: HashMap<Arc<str>, Flow>,
    /// Users with waiting requests, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

/// The requests of one user.
#[derive(Default)]
struct Flow {
    seated: usize,
    waiting: VecDeque<oneshot::Sender<Seat>>,
}

impl FairQueue {
    /// With all seats free.
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let (users, turns) = (HashMap::new(), VecDeque::new());
        let queue = Queue { limits, free: limits.seats, waiting: 0, users, turns };
        Self { queue: Arc::new(Mutex::new(queue)), patience: limits.patience }
    }

    /// A seat for a request of this user.
    ///
    /// # Errors
    /// 429 if too many wait, or it takes too long.
    pub(crate) async fn seat(&self, user: &str) -> Result<Seat, ApiError> {
        let seated = {
            let mut queue = lock(&self.queue);
            match queue.sit_down(user) {
                Some(user) => return Ok(Seat { queue: self.queue.clone(), user: Some(user) }),
                None => queue.line_up(user)?,
            }
        };
        match tokio::time::timeout(self.patience, seated).await {
            Ok(Ok(seat)) => Ok(seat),
            // Nobody drops a place in the queue but the queue itself.
            Ok(Err(_)) | Err(_) => Err(too_many()),
        }
    }
}

impl Queue {
    /// Takes a free seat, if this user may have it now.
    fn sit_down(&mut self, user: &str) -> Option<Arc<str>> {
        let known = self.users.get_key_value(user);
        let may = self.free > 0
            && known.is_none_or(|(_, flow)| flow.waiting.is_empty() && flow.seated < self.limits.seats_of_one);
        let name = may.then(|| known.map_or_else(|| Arc::from(user), |(name, _)| name.clone()))?;
        self.free -= 1;
        self.users.entry(name.clone()).or_default().seated += 1;
        Some(name)
    }

    /// Waits at the end of this user's queue.
    fn line_up(&mut self, user: &str) -> Result<oneshot::Receiver<Seat>, ApiError> {
        self.forget_those_who_left(user);
        let name = self.users.get_key_value(user).map_or_else(|| Arc::from(user), |(name, _)| Arc::clone(name));
        let of_this_user = self.users.get(user).map_or(0, |flow| flow.waiting.len());
        if self.waiting >= self.limits.waiting || of_this_user >= self.limits.waiting_of_one {
            return Err(too_many());
        }
        let (seat, seated) = oneshot::channel();
        self.users.entry(name.clone()).or_default().waiting.push_back(seat);
        self.waiting += 1;
        if of_this_user == 0 {
            self.turns.push_back(name);
        }
        Ok(seated)
    }

    fn forget_those_who_left(&mut self, user: &str) {
        let Some(flow) = self.users.get_mut(user) else { return };
        if flow.waiting.len() < self.limits.waiting_of_one && self.waiting < self.limits.waiting {
            return;
        }
        let before = flow.waiting.len();
        flow.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting -= before - flow.waiting.len();
        if flow.waiting.is_empty() {
            self.turns.retain(|name| **name != *user);
        }
    }

    /// Who is next, if a seat is free and somebody waits who may have it.
    fn next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Seat>)> {
        if self.free == 0 {
            return None;
        }
        for _ in 0..self.turns.len() {
            let user = self.turns.pop_front()?;
            let Some(flow) = self.users.get_mut(&user) else { continue };
            if flow.seated >= self.limits.seats_of_one {
                self.turns.push_back(user);
                continue;
            }
            let Some(waiting) = flow.waiting.pop_front() else { continue };
            self.waiting -= 1;
            self.free -= 1;
            flow.seated += 1;
            if !flow.waiting.is_empty() {
                self.turns.push_back(user.clone());
            }
            return Some((user, waiting));
        }
        None
    }

    fn stand_up(&mut self, user: &Arc<str>) {
        self.free += 1;
        if let Some(flow) = self.users.get_mut(user) {
            flow.seated -= 1;
            if flow.seated == 0 && flow.waiting.is_empty() {
                self.users.remove(user);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut left = self.user.take();
        while let Some(user) = left.take() {
            lock(&self.queue).stand_up(&user);
            // The lock must be free when a seat is handed over: one that nobody looks at any more is dropped there.
            let next = lock(&self.queue).next();
            let Some((user, waiting)) = next else { return };
            let seat = Seat { queue: self.queue.clone(), user: Some(user) };
            // If who waited has left, the seat comes back, and is given back here.
            left = waiting.send(seat).err().and_then(|mut seat| seat.user.take());
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn too_many() -> ApiError {
    ApiError::new(429, "TooManyRequests", "Too many requests, please try again later.").retry_after(1)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn queue(seats: usize) -> FairQueue {
        let patience = Duration::from_secs(15);
        FairQueue::new(QueueLimits { seats, seats_of_one: seats - 1, waiting_of_one: 3, waiting: 5, patience })
    }

    fn code<T>(answer: Result<T, ApiError>) -> Option<u16> {
        answer.err().map(|error| error.code())
    }

    #[tokio::test]
    async fn users_take_turns_however_many_requests_one_of_them_has() {
        let queue = queue(3);
        let first = (queue.seat("busy").await.unwrap(), queue.seat("busy").await.unwrap());
        let mut of_busy: Vec<_> = (0..3).map(|_| Box::pin(queue.seat("busy"))).collect();
        for waiting in &mut of_busy {
            assert!(waiting.now_or_never().is_none());
        }
        let calm = queue.seat("calm").now_or_never().expect("one user never has all seats").unwrap();
        let mut of_calm = Box::pin(queue.seat("calm"));
        assert!((&mut of_calm).now_or_never().is_none());
        drop(first.0);
        drop(first.1);
        assert!((&mut of_busy[0]).now_or_never().is_some());
        assert!(of_calm.now_or_never().is_some(), "two seats were free: one for each");
        drop(calm);
    }

    #[tokio::test]
    async fn what_cannot_wait_is_refused_with_429_and_when_to_come_again() {
        let queue = queue(2);
        let seats = (queue.seat("a").await.unwrap(), queue.seat("b").await.unwrap());
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(queue.seat("a"))).collect();
        for waiting in &mut waiting {
            assert!(waiting.now_or_never().is_none());
        }
        let refused = queue.seat("a").await.err().unwrap();
        assert_eq!(refused.code(), 429);
        assert_eq!(refused.status().details.as_ref().and_then(|details| details.retry_after_seconds), Some(1));
        let mut others: Vec<_> = (0..2).map(|_| Box::pin(queue.seat("c"))).collect();
        for waiting in &mut others {
            assert!(waiting.now_or_never().is_none());
        }
        assert_eq!(code(queue.seat("d").await), Some(429), "five wait in all");
        // Those who left make room.
        drop(waiting);
        let mut again = Box::pin(queue.seat("a"));
        assert!((&mut again).now_or_never().is_none());
        drop(seats);
        assert!(again.now_or_never().is_some());
    }

    #[tokio::test]
    async fn one_waits_no_longer_than_its_patience() {
        let queue = FairQueue { patience: Duration::from_millis(1), ..queue(2) };
        let _seat = queue.seat("a").await.unwrap();
        assert_eq!(code(queue.seat("a").await), Some(429));
    }

    #[tokio::test]
    async fn a_seat_that_nobody_takes_goes_to_the_next() {
        let queue = queue(2);
        let (seat, other) = (queue.seat("a").await.unwrap(), queue.seat("b").await.unwrap());
        let mut gone = Box::pin(queue.seat("a"));
        let mut next = Box::pin(queue.seat("c"));
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut next).now_or_never().is_none());
        // It was handed over, and its request has ended before it looked.
        drop(seat);
        drop(gone);
        assert!(next.now_or_never().is_some());
        drop(other);
        assert_eq!(lock(&queue.queue).free, 2);
        assert!(lock(&queue.queue).users.is_empty(), "nothing is kept of users who want nothing");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_seat_is_lost_and_none_is_given_twice() {
        let limits =
            QueueLimits { seats: 4, seats_of_one: 3, waiting_of_one: 1000, waiting: 1000, ..Default::default() };
        let queue = FairQueue::new(limits);
        let seated = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let requests = (0..400_usize).map(|number| {
            let (queue, seated) = (queue.clone(), seated.clone());
            tokio::spawn(async move {
                let seat = queue.seat(["a", "b", "c"][number % 3]);
                if number % 5 == 0 {
                    // Some leave before they are served.
                    tokio::select! { biased; () = tokio::task::yield_now() => return, _ = seat => return }
                }
                let _seat = seat.await.unwrap();
                assert!(seated.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 4);
                tokio::task::yield_now().await;
                seated.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            })
        });
        for request in futures::future::join_all(requests).await {
            request.unwrap();
        }
        let queue = lock(&queue.queue);
        assert_eq!((queue.free, queue.waiting), (4, 0));
    }
}
