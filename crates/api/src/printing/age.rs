//! Durations as people read them: two units at most, and the second only while it matters.

use jiff::Timestamp;
use serde_json::Value;

use super::field::time;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The time since one that a field has.
pub fn age(object: &Value, pointer: &str, now: Timestamp) -> Value {
    since(time(object, pointer), now).into()
}

/// The time since one, if it is known.
pub fn since(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map_or_else(|| "<unknown>".to_owned(), |time| duration(now.duration_since(time).as_millis()))
}

/// A duration of milliseconds. Clocks differ: one second of the future is still now.
pub fn duration(milliseconds: i128) -> String {
    let Ok(seconds) = i64::try_from(milliseconds / 1000) else { return "<invalid>".to_owned() };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, "m"), (1, "s")),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, (HOUR, "h"), (MINUTE, "m")),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, (DAY, "d"), (HOUR, "h")),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds, (YEAR, "y"), (DAY, "d")),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// In two units; the smaller one is left out if there is none of it.
fn two(seconds: i64, (large, large_name): (i64, &str), (small, small_name): (i64, &str)) -> String {
    let (whole, rest) = (seconds / large, seconds % large / small);
    if rest == 0 { format!("{whole}{large_name}") } else { format!("{whole}{large_name}{rest}{small_name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_unit_is_shown_only_while_it_matters() {
        let shown = |seconds: i64| duration(i128::from(seconds) * 1000 + 999);
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (8 * HOUR - 1, "7h59m"),
            (8 * HOUR, "8h"),
            (47 * HOUR, "47h"),
            (48 * HOUR, "2d"),
            (8 * DAY - 1, "7d23h"),
            (8 * DAY, "8d"),
            (729 * DAY, "729d"),
            (2 * YEAR, "2y"),
            (3 * YEAR + 5 * DAY, "3y5d"),
            (9 * YEAR + 5 * DAY, "9y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(shown(seconds), expected, "{seconds} s");
        }
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_is_no_error_and_one_far_ahead_is() {
        assert_eq!(duration(-1500), "0s");
        assert_eq!(duration(-500), "0s");
        assert_eq!(duration(-2500), "<invalid>");
        assert_eq!(since(None, Timestamp::UNIX_EPOCH), "<unknown>");
    }
}
