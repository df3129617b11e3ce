//! What is under way for a Pod, so that a plan that asks again starts nothing twice.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reprise_core::action::Action;
use reprise_core::clock;
use tokio::task::AbortHandle;

/// The first wait after a call that failed and that the core does not count, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(20);
/// See [`FIRST_RETRY`].
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// What an action is about: two actions with the same key are the same thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum FlightKey {
    Devices,
    CreateSandbox,
    RemoveSandbox(String),
    Image(String),
    Create(String),
    Start { container: String, id: String },
    Kill { container: String, id: String },
    Remove(String),
    PostStart { container: String, id: String },
}

impl FlightKey {
    pub(crate) fn of(action: &Action) -> Self {
        match action {
            Action::AllocateDevices => Self::Devices,
            Action::CreateSandbox { .. } => Self::CreateSandbox,
            Action::RemoveSandbox { id } => Self::RemoveSandbox(id.clone()),
            Action::EnsureImage { container, .. } => Self::Image(container.clone()),
            Action::CreateContainer { container, .. } => Self::Create(container.clone()),
            Action::StartContainer { container, id } => Self::Start { container: container.clone(), id: id.clone() },
            Action::KillContainer { container, id, .. } => Self::Kill { container: container.clone(), id: id.clone() },
            Action::RemoveContainer { id, .. } => Self::Remove(id.clone()),
            Action::RunPostStart { container, id } => Self::PostStart { container: container.clone(), id: id.clone() },
        }
    }

    /// The container that a create or start is about: nothing may be concluded from its absence meanwhile.
    fn making(&self) -> Option<&str> {
        match self {
            Self::Create(container) | Self::Start { container, .. } => Some(container),
            Self::Devices
            | Self::CreateSandbox
            | Self::RemoveSandbox(_)
            | Self::Image(_)
            | Self::Kill { .. }
            | Self::Remove(_)
            | Self::PostStart { .. } => None,
        }
    }

    /// Whether it brings something into being. If such a call goes unanswered, only a listing tells what came of it.
    pub(crate) fn makes(&self) -> bool {
        *self == Self::CreateSandbox || self.making().is_some()
    }

    /// Whether it is over soon: waited for when the node shuts down.
    pub(crate) fn is_short(&self) -> bool {
        !matches!(self, Self::Devices | Self::Image(_) | Self::Kill { .. } | Self::PostStart { .. })
    }
}

#[derive(Debug)]
struct Flight {
    serial: u64,
    began: Instant,
    /// For a kill: when SIGKILL is due.
    deadline: Option<Timestamp>,
    /// The call went unanswered: a listing asked for later decides.
    unanswered: bool,
    task: Option<AbortHandle>,
}

#[derive(Debug)]
struct Retry {
    count: u32,
    not_before: Instant,
}

/// All of a Pod's flights.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flights: HashMap<FlightKey, Flight>,
    retries: HashMap<FlightKey, Retry>,
    last_serial: u64,
}

impl Flights {
    /// The serial number for carrying out `action`, or none if it is under way already or must wait.
    pub(crate) fn begin(&mut self, action: &Action, now: Instant) -> Option<u64> {
        let key = FlightKey::of(action);
        let deadline = deadline_of(action);
        let under_way = self.flights.get(&key).is_some_and(|f| !is_sooner(action, f.deadline));
        if under_way || self.retries.get(&key).is_some_and(|r| r.not_before > now) {
            return None;
        }
        self.last_serial += 1;
        let flight = Flight { serial: self.last_serial, began: now, deadline, unanswered: false, task: None };
        self.flights.insert(key, flight);
        Some(self.last_serial)
    }

    pub(crate) fn set_task(&mut self, key: &FlightKey, serial: u64, task: AbortHandle) {
        if let Some(flight) = self.flights.get_mut(key).filter(|f| f.serial == serial) {
            flight.task = Some(task);
        }
    }

    pub(crate) fn is_current(&self, key: &FlightKey, serial: u64) -> bool {
        self.flights.get(key).is_some_and(|f| f.serial == serial)
    }

    /// When it began.
    pub(crate) fn began(&self, key: &FlightKey, serial: u64) -> Option<Instant> {
        self.flights.get(key).filter(|f| f.serial == serial).map(|f| f.began)
    }

    /// It ended well.
    pub(crate) fn end(&mut self, key: &FlightKey, serial: u64) {
        if self.is_current(key, serial) {
            self.flights.remove(key);
            self.retries.remove(key);
        }
    }

    /// It failed and the core does not count that: wait a little before it is done again.
    pub(crate) fn fail(&mut self, key: &FlightKey, serial: u64, now: Instant) {
        if !self.is_current(key, serial) {
            return;
        }
        self.flights.remove(key);
        let count = self.retries.get(key).map_or(0, |r| r.count);
        let wait = FIRST_RETRY.saturating_mul(1 << count.min(16)).min(LONGEST_RETRY);
        self.retries.insert(key.clone(), Retry { count: count + 1, not_before: now + wait });
    }

    /// Nobody knows how it ended. Something may have come into being: then only a listing can tell.
    pub(crate) fn leave_open(&mut self, key: &FlightKey, serial: u64, now: Instant) {
        if !key.makes() {
            return self.fail(key, serial, now);
        }
        if let Some(flight) = self.flights.get_mut(key).filter(|f| f.serial == serial) {
            flight.unanswered = true;
        }
    }

    /// A listing asked for at `asked_at` is in: what had been left open before is settled by it.
    pub(crate) fn settle(&mut self, asked_at: Instant) {
        self.flights.retain(|_, f| !f.unanswered || f.began > asked_at);
    }

    /// Whether a listing is still to tell what came of a call.
    pub(crate) fn are_open(&self) -> bool {
        self.flights.values().any(|flight| flight.unanswered)
    }

    /// Names of containers that a create or start is under way for.
    pub(crate) fn making(&self) -> BTreeSet<String> {
        self.flights.keys().filter_map(|k| k.making()).map(str::to_owned).collect()
    }

    pub(crate) fn making_sandbox(&self) -> bool {
        self.flights.contains_key(&FlightKey::CreateSandbox)
    }

    /// When the first thing that must wait may be done.
    pub(crate) fn next_retry(&self, now: Instant) -> Option<Instant> {
        self.retries.values().map(|r| r.not_before).filter(|at| *at > now).min()
    }

    /// How often it has failed in a row.
    pub(crate) fn failures(&self, key: &FlightKey) -> u32 {
        self.retries.get(key).map_or(0, |r| r.count)
    }

    /// What had failed may be tried again at once.
    pub(crate) fn forget_waits(&mut self) {
        self.retries.clear();
    }

    /// Drops waits that are long over and whose object is gone for good.
    pub(crate) fn forget_object(&mut self, id: &str) {
        let is_about = |key: &FlightKey| match key {
            FlightKey::RemoveSandbox(of) | FlightKey::Remove(of) => of == id,
            FlightKey::Start { id: of, .. } | FlightKey::Kill { id: of, .. } | FlightKey::PostStart { id: of, .. } => {
                of == id
            }
            FlightKey::Devices | FlightKey::CreateSandbox | FlightKey::Image(_) | FlightKey::Create(_) => false,
        };
        self.retries.retain(|key, _| !is_about(key));
    }

    /// The clock was set: what is under way is due when it was.
    pub(crate) fn move_deadlines(&mut self, by: SignedDuration) {
        for flight in self.flights.values_mut() {
            flight.deadline = flight.deadline.map(|at| clock::moved(at, by));
        }
    }

    /// Whether this is under way.
    pub(crate) fn has(&self, key: &FlightKey) -> bool {
        self.flights.contains_key(key)
    }

    /// Cuts it off: nobody waits for it any more.
    pub(crate) fn cut_off(&mut self, key: &FlightKey) {
        if let Some(task) = self.flights.remove(key).and_then(|f| f.task) {
            task.abort();
        }
        self.retries.remove(key);
    }

    /// Whether anything is under way that is over soon.
    pub(crate) fn any_short(&self) -> bool {
        self.flights.iter().any(|(key, f)| key.is_short() && !f.unanswered)
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    pub(crate) fn abort_all(&mut self) {
        self.flights.drain().filter_map(|(_, f)| f.task).for_each(|task| task.abort());
    }
}

impl Drop for Flights {
    /// A worker that is cut off takes its tasks with it.
    fn drop(&mut self) {
        self.abort_all();
    }
}

fn deadline_of(action: &Action) -> Option<Timestamp> {
    match action {
        Action::KillContainer { deadline, .. } => *deadline,
        _ => None,
    }
}

/// Whether a kill is due before the one under way; none is at once.
fn is_sooner(action: &Action, under_way: Option<Timestamp>) -> bool {
    match (action, under_way) {
        (Action::KillContainer { deadline: None, .. }, Some(_)) => true,
        (Action::KillContainer { deadline: Some(new), .. }, Some(old)) => *new < old,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(deadline: Option<i64>) -> Action {
        let deadline = deadline.map(|s| Timestamp::from_second(s).unwrap());
        Action::KillContainer { container: "c".into(), id: "1".into(), deadline, pre_stop: false }
    }

    #[test]
    fn only_a_sooner_kill_overrides_the_one_under_way() {
        let (mut flights, now) = (Flights::default(), Instant::now());
        let first = flights.begin(&kill(Some(30)), now).unwrap();
        assert_eq!(flights.begin(&kill(Some(30)), now), None);
        assert_eq!(flights.begin(&kill(Some(40)), now), None);
        let second = flights.begin(&kill(Some(10)), now).unwrap();
        let third = flights.begin(&kill(None), now).unwrap();
        assert_eq!(flights.begin(&kill(None), now), None);
        let key = FlightKey::of(&kill(None));
        flights.end(&key, first);
        flights.end(&key, second);
        assert!(!flights.is_empty(), "an overridden kill ends nothing");
        flights.end(&key, third);
        assert!(flights.is_empty());
    }

    #[test]
    fn an_unanswered_create_stays_in_flight_until_a_later_listing() {
        let (mut flights, before) = (Flights::default(), Instant::now());
        let start = Action::StartContainer { container: "c".into(), id: "1".into() };
        let began = before + Duration::from_millis(1);
        let serial = flights.begin(&start, began).unwrap();
        flights.leave_open(&FlightKey::of(&start), serial, began);
        flights.settle(before);
        assert_eq!(flights.making().len(), 1);
        flights.settle(began + Duration::from_millis(1));
        assert!(flights.making().is_empty());
    }

    #[test]
    fn what_failed_waits_longer_each_time() {
        let (mut flights, mut now) = (Flights::default(), Instant::now());
        let remove = Action::RemoveContainer { container: "c".into(), id: "1".into() };
        let key = FlightKey::of(&remove);
        for wait in [20, 40, 80] {
            let serial = flights.begin(&remove, now).unwrap();
            flights.fail(&key, serial, now);
            assert_eq!(flights.next_retry(now), Some(now + Duration::from_millis(wait)));
            assert_eq!(flights.begin(&remove, now), None);
            now += Duration::from_millis(wait);
        }
    }
}
