//! Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) as exact numbers.
//!
//! Values are kept in billionths, the finest step that Kubernetes has, so that nothing is lost and
//! comparisons are exact. What is finer is rounded up and what is beyond 2^63-1 is capped, as there.

mod arithmetic;

use std::fmt;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use thiserror::Error;

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// A quantity and the family of suffixes that it was written with.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

/// Which suffixes a quantity is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `m`, none, `k`, `M` ...: powers of ten.
    DecimalSi,
    /// `Ki`, `Mi` ...: powers of 1024.
    BinarySi,
    /// `e3`: powers of ten, as exponents.
    DecimalExponent,
}

/// A text that is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not of the form `<number><suffix>`.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number cannot be read.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The suffix is none that exists.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// Reads the quantity in an API object.
    ///
    /// # Errors
    /// If the text is no quantity.
    pub fn of(quantity: &ApiQuantity) -> Result<Self, QuantityError> {
        quantity.0.parse()
    }

    /// The value in billionths of the unit.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The value in thousandths, rounded up: millicores for `cpu`.
    #[must_use]
    pub fn milli_value(&self) -> i64 {
        saturated(ceil_div(self.nanos, NANO / 1000))
    }

    /// The value in whole units, rounded up: bytes for `memory`.
    #[must_use]
    pub fn value(&self) -> i64 {
        saturated(ceil_div(self.nanos, NANO))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

fn ceil_div(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        if number.is_empty() || !suffix_is_well_formed(suffix) {
            return Err(QuantityError::Format);
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::Number);
        }
        let (scale, form) = scale_of(suffix).ok_or(QuantityError::Suffix)?;
        let magnitude = magnitude_nanos(whole, fraction, scale).min(MAX);
        Ok(Self { nanos: if negative { -magnitude } else { magnitude }, form })
    }
}

/// `[eEinumkKMGTP]*[-+]?[0-9]*`
fn suffix_is_well_formed(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.bytes().all(|byte| byte.is_ascii_digit())
}

/// A factor: a power of ten, or a power of two.
#[derive(Clone, Copy)]
enum Scale {
    Ten(i32),
    Two(u32),
}

fn scale_of(suffix: &str) -> Option<(Scale, Form)> {
    let decimal = |power| Some((Scale::Ten(power), Form::DecimalSi));
    let binary = |power| Some((Scale::Two(power), Form::BinarySi));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            Some((Scale::Ten(exponent.parse().ok()?), Form::DecimalExponent))
        }
    }
}

/// The number in billionths, rounded up; capped where it would overflow.
fn magnitude_nanos(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let digits: String = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return 0;
    }
    let ten = match scale {
        Scale::Ten(power) => power,
        Scale::Two(_) => 0,
    };
    let power = i64::from(ten) + 9 - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let Ok(mut value) = digits.get(..30.min(digits.len())).unwrap_or(&digits).parse::<i128>() else { return MAX };
    let power = power + i64::try_from(digits.len().saturating_sub(30)).unwrap_or(i64::MAX);
    if let Scale::Two(bits) = scale {
        // Before the division by powers of ten, so that 0.5Ki is exact.
        value = value.checked_mul(1_i128 << bits).unwrap_or(i128::MAX);
    }
    for _ in 0..power.clamp(0, 60) {
        value = value.saturating_mul(10);
    }
    let down = u32::try_from((-power).clamp(0, 38)).unwrap_or(0);
    ceil_div(value, 10_i128.checked_pow(down).unwrap_or(i128::MAX))
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, and the largest suffix of its family that allows that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.form == Form::BinarySi && self.nanos % NANO == 0 && self.nanos.abs() >= 1024 * NANO {
            return binary(self.nanos / NANO, f);
        }
        let (mut value, mut power) = (self.nanos, -9);
        while value % 1000 == 0 && power < 18 {
            value /= 1000;
            power += 3;
        }
        match (self.form, power) {
            (_, 0) => write!(f, "{value}"),
            (Form::DecimalExponent, power) => write!(f, "{value}e{power}"),
            (_, power) => write!(f, "{value}{}", decimal_suffix(power)),
        }
    }
}

fn decimal_suffix(power: i32) -> &'static str {
    match power {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    }
}

fn binary(mut value: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
    let mut suffix = suffixes.next();
    while value % 1024 == 0 {
        let Some(next) = suffixes.next() else { break };
        value /= 1024;
        suffix = Some(next);
    }
    write!(f, "{value}{}", suffix.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn canonical_forms_are_those_of_kubernetes() {
        let cases = [
            ("0", "0"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1.5Gi", "1536Mi"),
            ("1024Ki", "1Mi"),
            ("0.5Ki", "512"),
            ("1e3", "1e3"),
            ("100e-1", "10"),
            ("9E", "9E"),
            ("-2", "-2"),
            ("+5Mi", "5Mi"),
            (".5", "500m"),
            ("5.", "5"),
            ("0.0000000001", "1n"),
            ("1000Ki", "1000Ki"),
        ];
        for (text, canonical) in cases {
            assert_eq!(q(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn values_are_exact_and_round_up() {
        assert_eq!(q("1.5Gi").value(), 1_610_612_736);
        assert_eq!(q("100m").milli_value(), 100);
        assert_eq!(q("1n").milli_value(), 1);
        assert_eq!(q("0.1").value(), 1);
        assert_eq!(q("-0.1").value(), 0);
        assert!(q("1024Mi") == q("1Gi") && q("1G") < q("1Gi") && q("-1") < q("0"));
        assert_eq!(q("100E").value(), i64::MAX);
        assert_eq!(q("9999999999999999999999999999999999999999").value(), i64::MAX);
        assert_eq!(q("1e2147483647").value(), i64::MAX);
        assert_eq!(q("0e99").value(), 0);
    }

    #[test]
    fn what_is_no_quantity_says_why() {
        for bad in ["", "x", "1x", "1 ", " 1", "--1", "1Gib", "e3"] {
            assert_eq!(bad.parse::<Quantity>(), Err(QuantityError::Format), "{bad:?}");
        }
        for bad in ["1.2.3", ".", "1.."] {
            assert_eq!(bad.parse::<Quantity>(), Err(QuantityError::Number), "{bad:?}");
        }
        for bad in ["1mm", "1ki", "1e", "1i", "1K", "1Ki2"] {
            assert_eq!(bad.parse::<Quantity>(), Err(QuantityError::Suffix), "{bad:?}");
        }
    }
}
