//! Time that was lost waiting for processor, memory or disks (pressure stall information).

/// How much waiting there was.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Pressure {
    /// Of at least one task.
    pub some: Stall,
    /// Of all tasks at once.
    pub full: Stall,
}

/// Shares of the last time in percent, and all of it in microseconds.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Stall {
    pub total: u64,
    pub avg10: f64,
    pub avg60: f64,
    pub avg300: f64,
}

impl Pressure {
    /// Reads the kernel's text; none if it has no line of it.
    pub fn parse(text: &str) -> Option<Self> {
        let line = |kind: &str| text.lines().find_map(|line| line.strip_prefix(kind)).map(stall);
        Some(Self { some: line("some ")?, full: line("full ").unwrap_or_default() })
    }
}

fn stall(fields: &str) -> Stall {
    let field = |key: &str| fields.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let share = |key: &str| field(key).and_then(|v| v.parse().ok()).unwrap_or(0.0);
    let total = field("total").and_then(|v| v.trim().parse().ok()).unwrap_or(0);
    Stall { total, avg10: share("avg10"), avg60: share("avg60"), avg300: share("avg300") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read_and_the_second_may_be_missing() {
        let text = "some avg10=1.50 avg60=0.20 avg300=0.00 total=77\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=5\n";
        let pressure = Pressure::parse(text).unwrap();
        assert_eq!((pressure.some.avg10, pressure.some.total, pressure.full.total), (1.5, 77, 5));
        assert_eq!(Pressure::parse("some avg10=0.00 total=1\n").unwrap().full, Stall::default());
        assert_eq!(Pressure::parse(""), None);
    }
}
