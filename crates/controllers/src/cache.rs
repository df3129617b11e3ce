//! What the API has of one kind, as far as it is known here, and what changes of it.
//!
//! A controller that has written an object says so ([`Cache::wrote`]): it must not decide again without it. The watch will
//! bring it too. Versions grow with each write, so the older of two is known, and so is whether the watch has told of
//! more than what is said to be written: then it is not taken in, as it may be gone already.

mod contents;

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_all};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::queue::Queue;
use contents::Contents;

pub(crate) use contents::{Change, ObjectKey};

/// All objects of one kind. Clones share them.
pub(crate) struct Cache<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    is_ready: watch::Sender<bool>,
}

struct State<K> {
    contents: Contents<K>,
    subscribers: Vec<mpsc::UnboundedSender<Change<K>>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K> Cache<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// One that knows nothing yet.
    pub(crate) fn new() -> Self {
        Self::lean(|_| Vec::new(), |_| ())
    }

    /// One whose objects are found by what `marks` gives for each, too, and are kept without what `shed` takes away.
    pub(crate) fn lean(marks: fn(&K) -> Vec<String>, shed: fn(&mut K)) -> Self {
        let state = State { contents: Contents::new(marks, shed), subscribers: Vec::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), is_ready: watch::Sender::new(false) }) }
    }

    /// All changes from now on, and first all that is there as if it were added.
    ///
    /// The channel has no bound: whoever reads turns changes into keys at once.
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Change<K>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        for object in state.contents.all() {
            // The receiver is still here.
            let _ = sender.send(Change { old: None, new: Some(object.clone()) });
        }
        state.subscribers.push(sender);
        receiver
    }

    /// Waits until all that there was at the beginning is known.
    pub(crate) async fn ready(&self) {
        let mut is_ready = self.shared.is_ready.subscribe();
        // The sender is in `self`, so that it can't be gone.
        let _ = is_ready.wait_for(|ready| *ready).await;
    }

    /// One object.
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.state().contents.get(key).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.state().contents.all().cloned().collect()
    }

    /// All that have this mark.
    pub(crate) fn marked(&self, mark: &str) -> Vec<Arc<K>> {
        self.state().contents.marked(mark).cloned().collect()
    }

    /// Takes in what the API has answered to a write.
    pub(crate) fn wrote(&self, object: K) {
        let mut state = self.state();
        let change = state.contents.wrote(object);
        tell(&mut state, change);
    }

    /// Takes in what the API has.
    pub(crate) fn take_in(&self, event: Event<K>) {
        let mut state = self.state();
        let changes = state.contents.take_in(event);
        tell(&mut state, changes);
        let is_complete = state.contents.is_complete();
        drop(state);
        self.shared.is_ready.send_if_modified(|ready| is_complete && !std::mem::replace(ready, true));
    }

    /// From now on, the keys that `keys` names for an object are looked at when the object changes.
    pub(crate) fn enqueue<Q>(
        &self,
        tasks: &mut JoinSet<()>,
        queue: &Arc<Queue<Q>>,
        keys: impl Fn(&Arc<K>) -> Vec<Q> + Send + 'static,
    ) where
        Q: Clone + Ord + Hash + Display + Send + 'static,
    {
        let (mut changes, queue) = (self.subscribe(), queue.clone());
        tasks.spawn(async move {
            while let Some(change) = changes.recv().await {
                // What an object was may matter to another key than what it is.
                let objects = change.old.iter().chain(&change.new);
                objects.flat_map(&keys).for_each(|key| queue.add(key));
            }
        });
    }

    /// Watches for ever.
    pub(crate) async fn run(&self, api: Api<K>, config: watcher::Config)
    where
        K::DynamicType: Default,
    {
        loop {
            let mut events = watch_all(api.clone(), config.clone()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => self.take_in(event),
                    Err(error) => tracing::debug!("{error}; watched again"),
                }
                if self.state().contents.must_begin_again() {
                    break;
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In the order of the changes, as the lock is held.
fn tell<K>(state: &mut State<K>, changes: impl IntoIterator<Item = Change<K>>) {
    for change in changes {
        state.subscribers.retain(|subscriber| subscriber.send(change.clone()).is_ok());
    }
}
