//! Keeps Events few, by the rules of Kubernetes' own clients: the same Event again counts up, many that differ in their
//! message only become one, and a Pod that has too much to say is silenced for a while.
//!
//! Values in, values out: the time is that of the Events.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::events::{EventType, PodEvent};

/// So many Events of a Pod pass at once.
const BURST: f64 = 25.0;
/// After that, one more in this time.
const REFILL: SignedDuration = SignedDuration::from_secs(300);
/// So many messages of one reason are told one by one.
const MAX_SIMILAR: usize = 10;
/// Similar Events that are further apart than this don't belong together.
const SIMILAR_WITHIN: SignedDuration = SignedDuration::from_secs(600);
/// What is remembered of one Pod; the Event that is longest ago goes first.
const MAX_REMEMBERED: usize = 256;

/// What is known of the Events so far.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    pods: HashMap<String, OfPod>,
}

#[derive(Debug)]
struct OfPod {
    tokens: f64,
    refilled_at: Timestamp,
    similar: HashMap<Kind, Similar>,
    seen: HashMap<Identity, Seen>,
}

/// What Events must have in common to be similar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    is_warning: bool,
    reason: String,
}

#[derive(Debug)]
struct Similar {
    messages: HashSet<String>,
    last: Timestamp,
}

/// What Events must have in common to be the same one again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Single { kind: Kind, message: String, field_path: Option<String> },
    Combined(Kind),
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    count: u32,
    first: Timestamp,
    last: Timestamp,
}

impl Correlator {
    /// The Event as it is to be told of the Pod with this UID; none if it is not to be told.
    pub(crate) fn take(&mut self, uid: &str, event: PodEvent) -> Option<PodEvent> {
        let now = event.time;
        let pod = self.pods.entry(uid.to_owned()).or_insert_with(|| OfPod::new(now));
        let (event, identity) = pod.combined(event);
        let event = pod.counted(event, identity);
        pod.may_speak(now).then_some(event)
    }

    /// The Pod is gone.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.pods.remove(uid);
    }
}

impl OfPod {
    fn new(now: Timestamp) -> Self {
        Self { tokens: BURST, refilled_at: now, similar: HashMap::new(), seen: HashMap::new() }
    }

    /// One Event for many that differ in their message only.
    fn combined(&mut self, event: PodEvent) -> (PodEvent, Identity) {
        let kind = Kind { is_warning: event.event_type == EventType::Warning, reason: event.reason.clone() };
        let now = event.time;
        self.similar.retain(|_, similar| now.duration_since(similar.last) <= SIMILAR_WITHIN);
        let similar =
            self.similar.entry(kind.clone()).or_insert_with(|| Similar { messages: HashSet::new(), last: now });
        similar.last = now;
        if similar.messages.contains(&event.message) || similar.messages.len() < MAX_SIMILAR - 1 {
            similar.messages.insert(event.message.clone());
            let (message, field_path) = (event.message.clone(), event.field_path.clone());
            return (event, Identity::Single { kind, message, field_path });
        }
        let message = format!("(combined from similar events): {}", event.message);
        (PodEvent { message, ..event }, Identity::Combined(kind))
    }

    /// How often the same one has been.
    fn counted(&mut self, event: PodEvent, identity: Identity) -> PodEvent {
        let now = event.time;
        let seen = self.seen.entry(identity).or_insert(Seen { count: 0, first: now, last: now });
        seen.count = seen.count.saturating_add(1);
        seen.last = now;
        let Seen { count, first, last } = *seen;
        self.drop_oldest();
        PodEvent { count, first_time: first, last_time: last, ..event }
    }

    fn drop_oldest(&mut self) {
        if self.seen.len() > MAX_REMEMBERED {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.last).map(|(identity, _)| identity.clone());
            oldest.and_then(|identity| self.seen.remove(&identity));
        }
    }

    fn may_speak(&mut self, now: Timestamp) -> bool {
        // A clock that was set back refills nothing.
        let since = now.duration_since(self.refilled_at).max(SignedDuration::ZERO);
        self.refilled_at = now;
        self.tokens = (self.tokens + since.as_secs_f64() / REFILL.as_secs_f64()).min(BURST);
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, reason: &str, message: &str) -> PodEvent {
        let time = Timestamp::from_second(at).unwrap();
        PodEvent {
            time,
            event_type: EventType::Normal,
            reason: reason.to_owned(),
            message: message.to_owned(),
            field_path: None,
            count: 1,
            first_time: time,
            last_time: time,
        }
    }

    #[test]
    fn the_same_event_again_counts_up_and_keeps_its_first_time() {
        let mut correlator = Correlator::default();
        correlator.take("u", event(10, "Killing", "m"));
        let other = correlator.take("u", PodEvent { field_path: Some("x".into()), ..event(15, "Killing", "m") });
        assert_eq!(other.unwrap().count, 1, "that one is of a container");
        let again = correlator.take("u", event(20, "Killing", "m")).unwrap();
        let times = (again.first_time.as_second(), again.last_time.as_second());
        assert_eq!((again.count, times), (2, (10, 20)));
        assert_eq!(correlator.take("u2", event(20, "Killing", "m")).unwrap().count, 1);
    }

    #[test]
    fn the_tenth_message_of_one_reason_and_all_further_ones_become_one_event() {
        let mut correlator = Correlator::default();
        let mut told = |at, n: i32| correlator.take("u", event(at, "BackOff", &format!("message {n}"))).unwrap();
        for n in 1..10 {
            assert_eq!(told(i64::from(n), n).message, format!("message {n}"));
        }
        let tenth = told(10, 10);
        assert_eq!((tenth.message.as_str(), tenth.count), ("(combined from similar events): message 10", 1));
        let next = told(11, 11);
        assert_eq!((next.message.as_str(), next.count), ("(combined from similar events): message 11", 2));
        assert_eq!(told(700, 12).message, "message 12", "ten minutes later it is another matter");
    }

    #[test]
    fn a_pod_that_has_too_much_to_say_is_heard_once_in_five_minutes() {
        let mut correlator = Correlator::default();
        let mut told = |uid: &str, at| correlator.take(uid, event(at, "Pulled", "m")).map(|event| event.count);
        assert!((1..=25).all(|n| told("u", 0) == Some(n)));
        assert_eq!(told("u", 1), None);
        assert_eq!(told("other", 1), Some(1), "others are heard");
        assert_eq!(told("u", 299), None);
        assert_eq!(told("u", 301), Some(28), "what was not told is counted");
        assert_eq!(told("u", 302), None);
    }

    #[test]
    fn a_clock_that_was_set_back_changes_nothing() {
        let mut correlator = Correlator::default();
        correlator.take("u", event(1000, "Pulled", "m"));
        assert_eq!(correlator.take("u", event(10, "Pulled", "m")).map(|event| event.count), Some(2));
    }

    #[test]
    fn what_is_remembered_of_a_pod_has_a_bound() {
        let mut correlator = Correlator::default();
        for n in 0..1000 {
            correlator.take("u", event(n, &format!("Reason{n}"), "m"));
        }
        assert!(correlator.pods["u"].seen.len() <= MAX_REMEMBERED);
        correlator.forget("u");
        assert!(correlator.pods.is_empty());
    }
}
