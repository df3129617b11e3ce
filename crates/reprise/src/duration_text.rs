//! Times as people read them.

use jiff::{SignedDuration, Timestamp};

/// How long ago something was, as kubectl prints ages: `42s`, `3m20s`, `4h`, `2d3h`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).max(SignedDuration::ZERO).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with_rest(minutes, "m", seconds % 60, "s"),
        () if hours < 3 => format!("{minutes}m"),
        () if hours < 8 => with_rest(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => with_rest(days, "d", hours % 24, "h"),
        () => format!("{days}d"),
    }
}

fn with_rest(whole: i64, unit: &str, rest: i64, small: &str) -> String {
    if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{small}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let text = |seconds: i64| age(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).unwrap());
        let ages: Vec<String> = [5, 119, 200, 600, 7_200, 15_000, 100_000, 300_000, 900_000].map(text).to_vec();
        assert_eq!(ages, ["5s", "119s", "3m20s", "10m", "120m", "4h10m", "27h", "3d11h", "10d"]);
    }
}
