//! What is left for Pods of what a node has.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::quantity::{Quantity, QuantityError};
use crate::resources::{self, ResourceList};

const WHOLE: i128 = 100;

/// What is kept from Pods, each as the kubelet's setting of that name has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservations {
    /// `systemReserved`.
    pub system: ResourceList,
    /// `kubeReserved`.
    pub kube: ResourceList,
    /// `evictionHard` for `memory.available`.
    pub memory_available: Threshold,
    /// `evictionHard` for `nodefs.available`.
    pub nodefs_available: Threshold,
}

impl Default for Reservations {
    /// As a kubelet without settings.
    fn default() -> Self {
        Self {
            system: ResourceList::new(),
            kube: ResourceList::new(),
            memory_available: Threshold::Amount(Quantity::bytes(100 << 20)),
            nodefs_available: Threshold::Percent(Quantity::units(10)),
        }
    }
}

impl Reservations {
    /// What Pods may request in all: less than they may use, so that they are not evicted for using what they requested.
    #[must_use]
    pub fn allocatable(&self, capacity: &ResourceList) -> ResourceList {
        let thresholds = [("memory", self.memory_available), ("ephemeral-storage", self.nodefs_available)];
        let kept = thresholds.map(|(name, threshold)| {
            let all = capacity.get(name).copied().unwrap_or(Quantity::ZERO);
            (name.to_owned(), threshold.of(all))
        });
        less(self.usable(capacity), &kept.into())
    }

    /// What Pods may use in all.
    #[must_use]
    pub fn usable(&self, capacity: &ResourceList) -> ResourceList {
        let mut kept = self.system.clone();
        resources::add(&mut kept, &self.kube);
        less(capacity.clone(), &kept)
    }
}

fn less(mut list: ResourceList, kept: &ResourceList) -> ResourceList {
    for (name, amount) in &mut list {
        *amount = amount.less(kept.get(name).copied().unwrap_or(Quantity::ZERO));
    }
    list
}

/// How much must stay free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// So much.
    Amount(Quantity),
    /// So many hundredths of all there is.
    Percent(Quantity),
}

/// A text that is no threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// It is no amount.
    #[error(transparent)]
    Amount(#[from] QuantityError),
    /// Less than nothing or more than all.
    #[error("an amount that is not negative, or a percentage from 0% to 100%, is needed")]
    Range,
}

impl Threshold {
    /// Nothing needs to stay free.
    pub const NONE: Self = Self::Amount(Quantity::ZERO);

    /// How much of `all` it is.
    #[must_use]
    pub fn of(self, all: Quantity) -> Quantity {
        match self {
            Self::Amount(amount) => amount,
            Self::Percent(percent) => {
                let part = i128::from(all.value()) * percent.nanos() / Quantity::units(1).nanos() / WHOLE;
                Quantity::bytes(i64::try_from(part).unwrap_or(i64::MAX))
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(amount) => amount.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    /// Reads `100Mi` or `10%`. All or none of it is no threshold.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let range = Quantity::ZERO..=Quantity::units(100);
        let Some(percent) = text.strip_suffix('%') else {
            let amount: Quantity = text.parse()?;
            return if amount < Quantity::ZERO { Err(ThresholdError::Range) } else { Ok(Self::Amount(amount)) };
        };
        let percent: Quantity = percent.parse()?;
        if !range.contains(&percent) {
            return Err(ThresholdError::Range);
        }
        let is_whole = percent == *range.start() || percent == *range.end();
        Ok(if is_whole { Self::NONE } else { Self::Percent(percent) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(amounts: &[(&str, &str)]) -> ResourceList {
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), amount.parse().unwrap())).collect()
    }

    fn text(list: &ResourceList) -> Vec<String> {
        list.iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    #[test]
    fn what_is_reserved_and_what_must_stay_free_is_taken_off() {
        let capacity = list(&[("cpu", "4"), ("ephemeral-storage", "100Gi"), ("memory", "8Gi"), ("pods", "110")]);
        let plain = Reservations::default();
        let left = ["cpu=4", "ephemeral-storage=90Gi", "memory=8092Mi", "pods=110"];
        assert_eq!(text(&plain.allocatable(&capacity)), left);
        let reserving = Reservations {
            system: list(&[("cpu", "500m"), ("memory", "1Gi")]),
            kube: list(&[("cpu", "4"), ("memory", "1Gi")]),
            ..plain
        };
        assert_eq!(text(&reserving.usable(&capacity)), ["cpu=0", "ephemeral-storage=100Gi", "memory=6Gi", "pods=110"]);
        assert_eq!(reserving.allocatable(&capacity)["memory"].to_string(), "6044Mi");
    }

    #[test]
    fn thresholds_are_amounts_or_percentages() {
        let of = |text: &str| text.parse::<Threshold>().map(|threshold| threshold.of(Quantity::bytes(1000)).value());
        assert_eq!((of("1Ki"), of("12.5%"), of("0%"), of("100%")), (Ok(1024), Ok(125), Ok(0), Ok(0)));
        for bad in ["-1", "101%", "x", "%", "-5%"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
