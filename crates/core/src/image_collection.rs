//! Which images go when the disk fills up or nobody has used them for long, as the kubelet decides it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When images are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagePolicy {
    /// From this use of the disk on images are removed, in percent (`imageGCHighThresholdPercent`); 100 is never.
    pub high_percent: u8,
    /// Until the use is down to this (`imageGCLowThresholdPercent`).
    pub low_percent: u8,
    /// No image goes that has been seen for less than this (`imageMinimumGCAge`).
    pub minimum_age: SignedDuration,
    /// Images that were not used for this long go, full disk or not (`imageMaximumGCAge`); none: they stay.
    pub maximum_age: Option<SignedDuration>,
}

impl Default for ImagePolicy {
    /// 85 %, 80 %, two minutes and no end, as in Kubernetes.
    fn default() -> Self {
        Self { high_percent: 85, low_percent: 80, minimum_age: SignedDuration::from_mins(2), maximum_age: None }
    }
}

/// An image as the runtime lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenImage {
    /// The runtime's id.
    pub id: String,
    /// In bytes.
    pub size: u64,
    /// Whoever set up the runtime wants it to stay.
    pub pinned: bool,
    /// A container was made from it, or a Pod is about to make one.
    pub in_use: bool,
}

/// What the runtime does not know of its images. The node keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHistory {
    images: BTreeMap<String, ImageRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageRecord {
    first_detected: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    last_used: Option<Timestamp>,
}

/// The file system that images are on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// All of it.
    pub capacity: u64,
    /// What can still be written.
    pub available: u64,
}

/// Why an image goes, in the words of the kubelet's metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has used it for long.
    Age,
    /// The disk fills up.
    Space,
}

impl Reason {
    /// The label of `kubelet_image_garbage_collected_total`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Space => "space",
        }
    }
}

/// An image to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The runtime's id.
    pub id: String,
    /// Why.
    pub reason: Reason,
}

/// What is to be done about images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// The images to remove, the one used least recently first.
    pub removals: Vec<Removal>,
    /// The disk is too full and there is not enough to remove.
    pub shortage: Option<Shortage>,
}

/// Less could be freed than had to be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// What had to be freed.
    pub wanted: u64,
    /// What images take that may go.
    pub eligible: u64,
}

impl ImageHistory {
    /// Notes which images there are at `now` and which are in use; forgets those that are gone.
    pub fn observe(&mut self, seen: &[SeenImage], now: Timestamp) {
        self.images.retain(|id, _| seen.iter().any(|image| image.id == *id));
        for image in seen {
            let record = ImageRecord { first_detected: now, last_used: None };
            let record = self.images.entry(image.id.clone()).or_insert(record);
            // A clock that was set back must not make an image new for hours.
            record.first_detected = record.first_detected.min(now);
            record.last_used = if image.in_use { Some(now) } else { record.last_used.map(|at| at.min(now)) };
        }
    }

    /// Decides which images go. They have been [observed](Self::observe).
    #[must_use]
    pub fn collect(&self, policy: &ImagePolicy, seen: &[SeenImage], space: DiskSpace, now: Timestamp) -> Collection {
        let free = seen.iter().filter(|image| !image.in_use && !image.pinned);
        let mut free: Vec<(&ImageRecord, &SeenImage)> =
            free.filter_map(|image| Some((self.images.get(&image.id)?, image))).collect();
        free.sort_by_key(|(record, image)| (record.last_used, record.first_detected, &image.id));
        let age = |since: Timestamp| now.duration_since(since);
        let unused_since = |record: &ImageRecord| record.last_used.unwrap_or(record.first_detected);
        let (old, rest): (Vec<_>, Vec<_>) = free
            .into_iter()
            .partition(|(record, _)| policy.maximum_age.is_some_and(|most| age(unused_since(record)) > most));
        let removal = |image: &SeenImage, reason| Removal { id: image.id.clone(), reason };
        let mut removals: Vec<Removal> = old.iter().map(|(_, image)| removal(image, Reason::Age)).collect();
        let mut freed: u64 = old.iter().map(|(_, image)| image.size).sum();
        let Some(wanted) = too_much(policy, space) else { return Collection { removals, shortage: None } };
        for (_, image) in rest.iter().filter(|(record, _)| age(record.first_detected) >= policy.minimum_age) {
            if freed >= wanted {
                break;
            }
            removals.push(removal(image, Reason::Space));
            freed = freed.saturating_add(image.size);
        }
        let shortage = (freed < wanted).then_some(Shortage { wanted, eligible: freed });
        Collection { removals, shortage }
    }
}

/// How much is to be freed; none as long as the disk is not too full.
fn too_much(policy: &ImagePolicy, space: DiskSpace) -> Option<u64> {
    let (capacity, available) = (u128::from(space.capacity), u128::from(space.available));
    let free_percent = (available * 100).checked_div(capacity)?;
    let used_percent = 100_u128.saturating_sub(free_percent);
    // The kubelet switches off at 100, whatever the disk says.
    if used_percent < u128::from(policy.high_percent) || policy.high_percent >= 100 {
        return None;
    }
    let wanted_free = capacity * (100 - u128::from(policy.low_percent.min(100))) / 100;
    u64::try_from(wanted_free.saturating_sub(available)).ok().filter(|wanted| *wanted > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn image(id: &str, size: u64, in_use: bool) -> SeenImage {
        SeenImage { id: id.to_owned(), size, pinned: false, in_use }
    }

    fn ids(collection: &Collection) -> Vec<&str> {
        collection.removals.iter().map(|removal| removal.id.as_str()).collect()
    }

    const FULL: DiskSpace = DiskSpace { capacity: 1000, available: 100 };

    /// `a` was used last at 200, `b` at 100, `never` not at all, `busy` is in use.
    fn history() -> (ImageHistory, Vec<SeenImage>) {
        let mut history = ImageHistory::default();
        let of = |a, b| vec![image("a", 60, a), image("b", 60, b), image("never", 30, false), image("busy", 500, true)];
        history.observe(&of(false, true), at(100));
        history.observe(&of(true, false), at(200));
        let now = of(false, false);
        history.observe(&now, at(300));
        (history, now)
    }

    #[test]
    fn the_least_recently_used_go_until_there_is_room() {
        let (history, seen) = history();
        let collection = history.collect(&ImagePolicy::default(), &seen, FULL, at(300));
        assert_eq!(ids(&collection), ["never", "b", "a"], "20 % of 1000 must be free, of which 10 % are");
        assert_eq!(collection.shortage, None);
        let little = DiskSpace { capacity: 1000, available: 150 };
        assert_eq!(ids(&history.collect(&ImagePolicy::default(), &seen, little, at(300))), ["never", "b"]);
    }

    #[test]
    fn nothing_goes_below_the_high_threshold() {
        let (history, seen) = history();
        let space = DiskSpace { capacity: 1000, available: 160 };
        assert_eq!(history.collect(&ImagePolicy::default(), &seen, space, at(300)), Collection::default());
        let off = ImagePolicy { high_percent: 100, ..ImagePolicy::default() };
        assert_eq!(
            history.collect(&off, &seen, DiskSpace { capacity: 10, available: 0 }, at(300)),
            Collection::default()
        );
        assert_eq!(
            history.collect(&ImagePolicy::default(), &seen, DiskSpace { capacity: 0, available: 0 }, at(300)),
            Collection::default()
        );
    }

    #[test]
    fn images_in_use_new_and_pinned_ones_stay_and_the_shortage_is_told() {
        let mut history = ImageHistory::default();
        let pinned = SeenImage { pinned: true, ..image("pinned", 500, false) };
        let old = vec![image("busy", 500, true), pinned, image("old", 10, false)];
        history.observe(&old, at(0));
        let seen: Vec<_> = old.into_iter().chain([image("new", 500, false)]).collect();
        history.observe(&seen, at(100));
        let policy = ImagePolicy { minimum_age: SignedDuration::from_secs(100), ..ImagePolicy::default() };
        let collection = history.collect(&policy, &seen, FULL, at(150));
        assert_eq!(ids(&collection), ["old"]);
        assert_eq!(collection.shortage, Some(Shortage { wanted: 100, eligible: 10 }));
    }

    #[test]
    fn what_nobody_has_used_for_long_goes_anyway() {
        let (history, seen) = history();
        let policy = ImagePolicy { maximum_age: Some(SignedDuration::from_secs(150)), ..ImagePolicy::default() };
        let space = DiskSpace { capacity: 1000, available: 900 };
        let collection = history.collect(&policy, &seen, space, at(300));
        assert_eq!(ids(&collection), ["never", "b"]);
        assert!(collection.removals.iter().all(|removal| removal.reason == Reason::Age));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_image_new() {
        let mut history = ImageHistory::default();
        let seen = [image("a", 10, false)];
        history.observe(&seen, at(10_000));
        history.observe(&seen, at(100));
        assert_eq!(ids(&history.collect(&ImagePolicy::default(), &seen, FULL, at(300))), ["a"]);
    }
}
