//! What is reported of many measurements of one thing.

use serde::Serialize;

/// Median and 90th percentile, in the unit of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of the measurements are below.
    pub median: f64,
    /// Nine of ten are below.
    pub p90: f64,
}

impl Quantiles {
    /// `None` for no measurements.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { median: quantile(&sorted, 0.5)?, p90: quantile(&sorted, 0.9)? })
    }
}

/// The value below which `share` of the sorted values lie, interpolated between the two nearest.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = position.floor() as usize;
    let (low, high) = (*sorted.get(below)?, *sorted.get(last.min(below + 1))?);
    Some(low + (high - low) * (position - position.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        let quantiles = Quantiles::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(quantiles.map(|q| q.median), Some(2.5));
    }

    #[test]
    fn the_90th_percentile_of_1_to_11_is_10() {
        let values: Vec<f64> = (1..=11).rev().map(f64::from).collect();
        assert_eq!(Quantiles::of(&values), Some(Quantiles { median: 6.0, p90: 10.0 }));
    }

    #[test]
    fn one_measurement_is_its_own_median_and_none_has_none() {
        assert_eq!(Quantiles::of(&[7.5]), Some(Quantiles { median: 7.5, p90: 7.5 }));
        assert_eq!(Quantiles::of(&[]), None);
    }
}
