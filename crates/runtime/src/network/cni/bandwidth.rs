//! A Pod's limits on its traffic, from its annotations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

const IN: &str = "kubernetes.io/ingress-bandwidth";
const OUT: &str = "kubernetes.io/egress-bandwidth";
/// Bits that may pass at once. The plugin needs some limit; this is the largest that it takes.
const BURST: u64 = i32::MAX as u64;
/// From 1 kbit/s to 1 Pbit/s, as a kubelet demands.
const SANE: std::ops::RangeInclusive<f64> = 1e3..=1e15;

/// Multipliers of a quantity.
const SUFFIXES: [(&str, f64); 12] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("m", 1e-3),
    ("", 1.0),
];

/// An annotation that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation {name}: {value:?} is no bandwidth: bits per second from 1k to 1P, such as 10M")]
pub struct BandwidthError {
    name: &'static str,
    value: String,
}

/// The limits in the form of the `bandwidth` capability; none if the Pod has none.
pub fn limits(annotations: &BTreeMap<String, String>) -> Result<Option<Value>, BandwidthError> {
    let (ingress, egress) = (rate(annotations, IN)?, rate(annotations, OUT)?);
    let mut limits = json!({});
    for (direction, rate) in [("ingress", ingress), ("egress", egress)] {
        if let Some(rate) = rate {
            limits[format!("{direction}Rate")] = json!(rate);
            limits[format!("{direction}Burst")] = json!(BURST);
        }
    }
    Ok((ingress.is_some() || egress.is_some()).then_some(limits))
}

fn rate(annotations: &BTreeMap<String, String>, name: &'static str) -> Result<Option<u64>, BandwidthError> {
    let Some(value) = annotations.get(name) else { return Ok(None) };
    let bits = SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number = value.strip_suffix(suffix)?;
        let digits = number.starts_with(|c: char| c.is_ascii_digit());
        digits.then(|| number.parse::<f64>().ok()).flatten().map(|number| number * factor)
    });
    let bits = bits.filter(|bits| SANE.contains(bits));
    // Exact in this range.
    bits.map(|bits| Some(bits as u64)).ok_or_else(|| BandwidthError { name, value: value.chars().take(64).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ingress: &str) -> Result<Option<Value>, BandwidthError> {
        limits(&BTreeMap::from([(IN.to_owned(), ingress.to_owned())]))
    }

    #[test]
    fn quantities_become_bits_per_second() {
        assert_eq!(limits(&BTreeMap::new()), Ok(None));
        for (text, rate) in [("10M", 10_000_000_u64), ("1Gi", 1 << 30), ("1.5k", 1500), ("2e6", 2_000_000)] {
            let limits = of(text).unwrap().unwrap();
            assert_eq!((&limits["ingressRate"], limits.get("egressRate")), (&json!(rate), None), "{text}");
        }
    }

    #[test]
    fn what_is_no_bandwidth_is_named() {
        for text in ["", "fast", "-1M", "1", "10Z", "inf", "NaN", "9e99"] {
            assert!(of(text).unwrap_err().to_string().contains("kubernetes.io/ingress-bandwidth"), "{text}");
        }
    }
}
