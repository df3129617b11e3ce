//! Which Pod has which devices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use reprise_core::devices::{
    Allocation, AllocationError, Answers, DeviceIds, Inventory, PodDevices, Question, allocate, of_all_containers,
};

use super::grant::PodGrants;

/// All devices that are not free, by the UID of their Pod.
#[derive(Debug, Default)]
pub(super) struct Book {
    pods: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Debug)]
enum Entry {
    /// Chosen; the plugin is being asked what it takes to use them.
    Reserved(PodDevices),
    /// On disk.
    Granted(Arc<PodGrants>),
}

/// Devices that are a Pod's for as long as this is held, and for good once it is [kept](Reservation::keep).
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    book: &'a Book,
    uid: &'a str,
    pub devices: PodDevices,
}

/// What came of choosing devices.
#[derive(Debug)]
pub(super) enum Choice<'a> {
    /// They are chosen.
    Reserved(Reservation<'a>),
    /// A plugin is to be asked first.
    Ask(Question),
}

impl Book {
    /// Decides what `pod` gets and reserves it. Nobody else can choose meanwhile.
    pub(super) fn reserve<'a>(
        &'a self,
        uid: &'a str,
        pod: &Pod,
        inventory: &Inventory,
        answers: &Answers,
    ) -> Result<Choice<'a>, AllocationError> {
        let mut pods = self.pods();
        let mut taken = DeviceIds::new();
        for entry in pods.iter().filter(|(other, _)| *other != uid).map(|(_, entry)| entry) {
            for (resource, ids) in entry.devices() {
                taken.entry(resource).or_default().extend(ids);
            }
        }
        match allocate(pod, inventory, &taken, answers)? {
            Allocation::Undecided(question) => Ok(Choice::Ask(question)),
            Allocation::Complete(devices) => {
                pods.insert(uid.to_owned(), Entry::Reserved(devices.clone()));
                Ok(Choice::Reserved(Reservation { book: self, uid, devices }))
            }
        }
    }

    pub(super) fn restore(&self, uid: &str, grants: PodGrants) {
        self.pods().insert(uid.to_owned(), Entry::Granted(Arc::new(grants)));
    }

    /// What was given to a Pod for good.
    pub(super) fn grants(&self, uid: &str) -> Option<Arc<PodGrants>> {
        match self.pods().get(uid) {
            Some(Entry::Granted(grants)) => Some(Arc::clone(grants)),
            Some(Entry::Reserved(_)) | None => None,
        }
    }

    /// True if the Pod had something.
    pub(super) fn release(&self, uid: &str) -> bool {
        self.pods().remove(uid).is_some()
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn devices(&self) -> DeviceIds {
        match self {
            Self::Reserved(devices) => of_all_containers(devices),
            Self::Granted(grants) => of_all_containers(&grants.devices()),
        }
    }
}

impl Reservation<'_> {
    /// The Pod has them until it ends. They are on disk. One that has ended meanwhile has none any more.
    pub(super) fn keep(self, grants: PodGrants) {
        if let Some(entry) = self.book.pods().get_mut(self.uid) {
            *entry = Entry::Granted(Arc::new(grants));
        }
    }
}

impl Drop for Reservation<'_> {
    /// What did not come to be granted is free again.
    fn drop(&mut self) {
        let mut pods = self.book.pods();
        if matches!(pods.get(self.uid), Some(Entry::Reserved(_))) {
            pods.remove(self.uid);
        }
    }
}
