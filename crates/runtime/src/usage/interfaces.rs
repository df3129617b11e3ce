//! What went over the network interfaces of a sandbox.

/// Counts of one interface.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub received: Counts,
    pub sent: Counts,
}

/// Counts of one direction.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub bytes: u64,
    pub packets: u64,
    pub errors: u64,
    pub dropped: u64,
}

/// The interfaces in the network namespace of `process`, without the loopback one.
pub fn of(process: i32) -> Vec<Interface> {
    std::fs::read_to_string(format!("/proc/{process}/net/dev")).map(|text| parse(&text)).unwrap_or_default()
}

/// The interface that a Pod's traffic goes over.
pub fn main(interfaces: &[Interface]) -> Option<&Interface> {
    interfaces.iter().find(|i| i.name == "eth0").or(interfaces.first())
}

fn parse(text: &str) -> Vec<Interface> {
    let counts = |n: &[u64]| Counts { bytes: n[0], packets: n[1], errors: n[2], dropped: n[3] };
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let usable = numbers.len() == 16 && name.trim() != "lo";
        usable.then(|| Interface {
            name: name.trim().to_owned(),
            received: counts(&numbers[..4]),
            sent: counts(&numbers[8..12]),
        })
    };
    text.lines().filter_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_and_loopback_left_out() {
        let text = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  net1:       5       1    0    0    0     0          0         0        6       1    0    0    0     0       0          0
  eth0: 1234567      10    1    2    0     0          0         0     7654      20    3    4    0     0       0          0
";
        let interfaces = parse(text);
        assert_eq!(interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["net1", "eth0"]);
        let eth0 = main(&interfaces).unwrap();
        assert_eq!((eth0.received.bytes, eth0.received.dropped), (1_234_567, 2));
        assert_eq!((eth0.sent.bytes, eth0.sent.errors), (7654, 3));
    }
}
