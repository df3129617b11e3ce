//! Amounts of what nodes have and Pods request, as whole numbers: sums of them are made very often.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::resources::{self, ResourceList};

/// Thousandths of processors, bytes, and units of all else by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) cpu: i64,
    pub(super) memory: i64,
    pub(super) ephemeral_storage: i64,
    pub(super) others: BTreeMap<String, i64>,
}

impl Amounts {
    /// Those of a list; `pods` is counted apart.
    pub(super) fn of(list: &ResourceList) -> Self {
        let mut amounts = Self::default();
        for (name, amount) in list {
            match name.as_str() {
                "cpu" => amounts.cpu = amount.milli_value(),
                "memory" => amounts.memory = amount.value(),
                "ephemeral-storage" => amounts.ephemeral_storage = amount.value(),
                "pods" => {}
                _ => {
                    amounts.others.insert(name.clone(), amount.value());
                }
            }
        }
        amounts
    }

    /// What a Pod requests.
    pub(super) fn requested(pod: &Pod) -> Self {
        Self::of(&resources::requests(pod))
    }

    /// Adds or, with -1, takes off.
    pub(super) fn add(&mut self, more: &Self, sign: i64) {
        self.cpu = self.cpu.saturating_add(more.cpu.saturating_mul(sign));
        self.memory = self.memory.saturating_add(more.memory.saturating_mul(sign));
        self.ephemeral_storage = self.ephemeral_storage.saturating_add(more.ephemeral_storage.saturating_mul(sign));
        for (name, amount) in &more.others {
            let sum = self.others.entry(name.clone()).or_default();
            *sum = sum.saturating_add(amount.saturating_mul(sign));
        }
        self.others.retain(|_, amount| *amount != 0);
    }

    /// Whether all of it fits beside `used` into `all`.
    pub(super) fn fits(&self, used: &Self, all: &Self) -> bool {
        self.missing(used, all).next().is_none()
    }

    /// The names of what is not there.
    pub(super) fn missing<'a>(&'a self, used: &'a Self, all: &'a Self) -> impl Iterator<Item = &'a str> {
        let lacks = |wanted: i64, used: i64, all: i64| wanted > 0 && wanted > all.saturating_sub(used);
        let standard = [
            ("cpu", lacks(self.cpu, used.cpu, all.cpu)),
            ("memory", lacks(self.memory, used.memory, all.memory)),
            ("ephemeral-storage", lacks(self.ephemeral_storage, used.ephemeral_storage, all.ephemeral_storage)),
        ];
        let of = |list: &BTreeMap<String, i64>, name: &String| list.get(name).copied().unwrap_or(0);
        let others = self
            .others
            .iter()
            .filter(move |(name, wanted)| lacks(**wanted, of(&used.others, name), of(&all.others, name)));
        standard
            .into_iter()
            .filter(|(_, lacks)| *lacks)
            .map(|(name, _)| name)
            .chain(others.map(|(name, _)| name.as_str()))
    }
}
