//! Durations as Go writes them (`1h2m3.5s`), which is how Kubernetes writes them.

use jiff::SignedDuration;
use thiserror::Error;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A number is expected here.
    #[error("a number is missing")]
    NoNumber,
    /// Only `0` may stand without a unit.
    #[error("a unit is missing")]
    NoUnit,
    /// None of ns, us, ms, s, m, h.
    #[error("the unit is unknown")]
    UnknownUnit,
    /// Longer than Go can hold, about 292 years.
    #[error("it is too long")]
    TooLong,
}

/// Parses a duration: an optional sign, then numbers, each with a unit (`ns`, `us`, `ms`, `s`, `m`, `h`).
///
/// # Errors
/// Says what is missing or unknown.
pub fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::NoNumber);
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        nanos = nanos.checked_add(scaled(whole, fraction, unit_nanos(unit)?)?).ok_or(DurationError::TooLong)?;
        rest = after;
    }
    let nanos = i64::try_from(nanos).map_err(|_| DurationError::TooLong)?;
    Ok(SignedDuration::from_nanos(if negative { -nanos } else { nanos }))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(unit: &str) -> Result<i128, DurationError> {
    match unit {
        "" => Err(DurationError::NoUnit),
        "ns" => Ok(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        _ => Err(DurationError::UnknownUnit),
    }
}

/// `whole.fraction` units in nanoseconds; what is finer than a nanosecond is cut off.
fn scaled(whole: &str, fraction: &str, unit: i128) -> Result<i128, DurationError> {
    let parse = |digits: &str| -> Result<i128, DurationError> {
        if digits.is_empty() {
            Ok(0)
        } else {
            digits.parse::<i64>().map(i128::from).map_err(|_| DurationError::TooLong)
        }
    };
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let divisor = (0..fraction.len()).fold(1_i128, |product, _| product * 10);
    let whole = parse(whole)?.checked_mul(unit).ok_or(DurationError::TooLong)?;
    Ok(whole + parse(fraction)? * unit / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let nanos = |text: &str| parse(text).unwrap().as_nanos();
        assert_eq!(nanos("1h2m3.5s"), 3_723_500_000_000);
        assert_eq!(nanos("-1.5ms"), -1_500_000);
        assert_eq!(nanos(".5us"), 500);
        assert_eq!(nanos("0"), 0);
        assert_eq!(nanos("+7ns"), 7);
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let cases = [
            ("", DurationError::Empty),
            ("-", DurationError::Empty),
            ("5", DurationError::NoUnit),
            ("s", DurationError::NoNumber),
            ("1d", DurationError::UnknownUnit),
            ("1 s", DurationError::UnknownUnit),
            ("3000000h", DurationError::TooLong),
            ("99999999999999999999s", DurationError::TooLong),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }
}
