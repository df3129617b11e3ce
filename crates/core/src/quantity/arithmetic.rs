//! Sums and differences. A quantity of nothing takes the form of what it is added to, as in Kubernetes.

use std::ops::Add;

use super::{Form, MAX, NANO, Quantity};

impl Quantity {
    /// None of it.
    pub const ZERO: Self = Self { nanos: 0, form: Form::DecimalSi };

    /// So many whole units: processors, Pods.
    #[must_use]
    pub fn units(count: i64) -> Self {
        Self { nanos: i128::from(count) * NANO, form: Form::DecimalSi }
    }

    /// So many thousandths: millicores.
    #[must_use]
    pub fn thousandths(count: i64) -> Self {
        Self { nanos: i128::from(count) * (NANO / 1000), form: Form::DecimalSi }
    }

    /// A size, written with `Ki`, `Mi` and so on.
    #[must_use]
    pub fn bytes(count: i64) -> Self {
        Self { nanos: i128::from(count) * NANO, form: Form::BinarySi }
    }

    /// What is left of it after `other` was taken; nothing if that was more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self { nanos: (self.nanos - other.nanos).max(0), ..self }
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self { nanos: (self.nanos + other.nanos).clamp(-MAX, MAX), form }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_keep_the_form() {
        let sum = Quantity::ZERO + Quantity::bytes(1 << 20) + Quantity::units(1 << 20);
        assert_eq!(sum.to_string(), "2Mi");
        assert_eq!((Quantity::thousandths(1500) + Quantity::units(1)).to_string(), "2500m");
        assert_eq!((Quantity::units(i64::MAX) + Quantity::units(1)).value(), i64::MAX);
        assert_eq!(Quantity::units(1).less(Quantity::units(2)), Quantity::ZERO);
    }
}
