//! Which event is one more of the same, and which is one too many, by the limits of Kubernetes' clients.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// Of one object, a controller tells so much at once ...
const BURST: f64 = 25.0;
/// ... and then one thing in this time.
const REFILL: SignedDuration = SignedDuration::from_mins(5);
/// What was not told for so long is told anew.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(10);
/// So many objects and events are remembered.
const REMEMBERED: usize = 4096;

/// What to do with a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It makes an event.
    First,
    /// The event that tells it has now been told so often.
    Again {
        /// The event's name.
        event: String,
        /// How often.
        count: i32,
    },
    /// Nothing.
    TooOften,
}

/// What was told lately.
#[derive(Debug, Default)]
pub(super) struct Correlation {
    events: HashMap<(String, String), Known>,
    buckets: HashMap<String, Bucket>,
}

#[derive(Debug)]
struct Known {
    name: String,
    count: i32,
    last: Timestamp,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Correlation {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Somebody tells `text` about `subject`.
    pub(super) fn tell(&mut self, subject: &str, text: &str, now: Timestamp) -> Told {
        self.forget(now);
        let key = (subject.to_owned(), text.to_owned());
        if let Some(known) = self.events.get_mut(&key).filter(|known| !known.name.is_empty()) {
            known.count += 1;
            known.last = now;
            let again = Told::Again { event: known.name.clone(), count: known.count };
            return if self.take(subject, now) { again } else { Told::TooOften };
        }
        if !self.take(subject, now) {
            return Told::TooOften;
        }
        self.events.insert(key, Known { name: String::new(), count: 1, last: now });
        Told::First
    }

    /// The event that tells it is there, under this name.
    pub(super) fn written(&mut self, subject: &str, text: &str, name: String) {
        if let Some(known) = self.events.get_mut(&(subject.to_owned(), text.to_owned())) {
            (known.name, known.count) = (name, 1);
        }
    }

    fn take(&mut self, subject: &str, now: Timestamp) -> bool {
        let bucket = self.buckets.entry(subject.to_owned()).or_insert(Bucket { left: BURST, at: now });
        let refilled = now.duration_since(bucket.at).as_secs_f64() / REFILL.as_secs_f64();
        bucket.left = (bucket.left + refilled.max(0.0)).min(BURST);
        bucket.at = now;
        let may = bucket.left >= 1.0;
        if may {
            bucket.left -= 1.0;
        }
        may
    }

    fn forget(&mut self, now: Timestamp) {
        if self.events.len() >= REMEMBERED {
            self.events.retain(|_, known| now.duration_since(known.last) < FORGOTTEN);
        }
        if self.events.len() >= REMEMBERED {
            self.events.clear();
        }
        if self.buckets.len() >= REMEMBERED {
            self.buckets.retain(|_, bucket| now.duration_since(bucket.at) < REFILL);
        }
        if self.buckets.len() >= REMEMBERED {
            self.buckets.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_same_again_counts_and_makes_no_new_event() {
        let mut correlation = Correlation::new();
        assert_eq!(correlation.tell("pod", "x", at(0)), Told::First);
        correlation.written("pod", "x", "pod.1".to_owned());
        assert_eq!(correlation.tell("pod", "x", at(1)), Told::Again { event: "pod.1".to_owned(), count: 2 });
        assert_eq!(correlation.tell("pod", "y", at(1)), Told::First);
    }

    #[test]
    fn an_object_with_very_much_news_is_not_told_of_without_end() {
        let mut correlation = Correlation::new();
        let told = (0..40).filter(|i| correlation.tell("pod", &i.to_string(), at(0)) == Told::First).count();
        assert_eq!(told, 25);
        assert_eq!(correlation.tell("other", "x", at(0)), Told::First);
        assert_eq!(correlation.tell("pod", "later", at(301)), Told::First);
    }
}
