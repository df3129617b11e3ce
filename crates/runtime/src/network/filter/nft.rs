//! The rules in the words of `nft`: one table per bridge, replaced in one transaction.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::tool::run;
use super::{Forward, Rules, table};

pub fn apply(rules: &Rules) -> Result<(), String> {
    run("nft", &["-f", "-"], &script(rules))
}

/// Fails if there is no such table.
pub fn remove(rules: &Rules) -> Result<(), String> {
    run("nft", &["-f", "-"], &format!("delete table inet {}\n", table(&rules.bridge)))
}

fn script(rules: &Rules) -> String {
    let Rules { bridge, subnets, forwards } = rules;
    let table = table(bridge);
    // Made before it is deleted, so that deleting it never fails.
    let mut text = format!("table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n");
    let ports: String = forwards.iter().map(lead).collect();
    let out: String = std::iter::once(way_out("ip", subnets.v4, bridge))
        .chain(subnets.v6.map(|v6| way_out("ip6", v6, bridge)))
        .collect();
    let back: String = forwards.iter().filter_map(|forward| way_back(forward, rules)).collect();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "chain guard {{\ntype filter hook prerouting priority -300;\n\
         iifname \"{bridge}\" ip saddr 127.0.0.0/8 drop\niifname \"{bridge}\" ip daddr 127.0.0.0/8 drop\n}}\n\
         chain ports {{\n{ports}}}\n\
         chain prerouting {{\ntype nat hook prerouting priority -100;\nfib daddr type local jump ports\n}}\n\
         chain output {{\ntype nat hook output priority -100;\nip6 daddr ::1 return\n\
         fib daddr type local jump ports\n}}\n\
         chain postrouting {{\ntype nat hook postrouting priority 100;\n{out}\
         oifname \"{bridge}\" ip saddr 127.0.0.0/8 masquerade\n{back}}}\n}}\n"
    );
    text
}

fn family(ip: IpAddr) -> (&'static str, &'static str) {
    if ip.is_ipv4() { ("ip", "ipv4") } else { ("ip6", "ipv6") }
}

/// From the host's port to the Pod's.
fn lead(forward: &Forward) -> String {
    let Forward { protocol, host_ip, host_port, to } = forward;
    let (ip, family) = family(to.ip());
    let whose = match host_ip {
        Some(address) => format!("{ip} daddr {address}"),
        None => format!("meta nfproto {family}"),
    };
    format!("{whose} {} dport {host_port} dnat {ip} to {to}\n", protocol.name())
}

fn way_out(ip: &str, subnet: impl std::fmt::Display, bridge: &str) -> String {
    format!("{ip} saddr {subnet} oifname != \"{bridge}\" masquerade\n")
}

/// For Pods that come back to a Pod through a port of the host.
fn way_back(forward: &Forward, rules: &Rules) -> Option<String> {
    let Forward { protocol, host_port, to, .. } = forward;
    let (ip, _) = family(to.ip());
    let subnet = match to.ip() {
        IpAddr::V4(_) => rules.subnets.v4.to_string(),
        IpAddr::V6(_) => rules.subnets.v6?.to_string(),
    };
    Some(format!(
        "{ip} saddr {subnet} {ip} daddr {} {} dport {} ct original proto-dst {host_port} ct status dnat masquerade\n",
        to.ip(),
        protocol.name(),
        to.port(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::super::addresses::Subnets;
    use super::super::super::host_port::Protocol;
    use super::*;

    fn rules(v6: Option<&str>, forwards: Vec<Forward>) -> Rules {
        let subnets = Subnets { v4: "10.85.0.0/16".parse().unwrap(), v6: v6.map(|v6| v6.parse().unwrap()) };
        Rules { bridge: "br7".to_owned(), subnets, forwards }
    }

    #[test]
    fn without_ports_pods_have_a_way_out_and_none_to_the_loopback() {
        let text = script(&rules(None, Vec::new()));
        assert!(text.starts_with("table inet reprise-br7\ndelete table inet reprise-br7\ntable inet reprise-br7 {\n"));
        assert!(text.contains("ip saddr 10.85.0.0/16 oifname != \"br7\" masquerade\n"));
        assert!(text.contains("iifname \"br7\" ip daddr 127.0.0.0/8 drop\n"));
        assert!(text.contains("chain ports {\n}\n") && !text.contains("ip6 saddr"));
    }

    #[test]
    fn a_port_of_each_family_leads_to_the_pod_and_back() {
        let forward = |protocol, host_ip: Option<&str>, to: &str| Forward {
            protocol,
            host_ip: host_ip.map(|ip| ip.parse().unwrap()),
            host_port: 8080,
            to: to.parse().unwrap(),
        };
        let forwards = vec![
            forward(Protocol::Udp, Some("192.0.2.1"), "10.85.0.2:53"),
            forward(Protocol::Tcp, None, "10.85.0.2:80"),
            forward(Protocol::Sctp, None, "[fd00::2]:80"),
        ];
        let text = script(&rules(Some("fd00::/64"), forwards));
        for line in [
            "ip daddr 192.0.2.1 udp dport 8080 dnat ip to 10.85.0.2:53",
            "meta nfproto ipv4 tcp dport 8080 dnat ip to 10.85.0.2:80",
            "meta nfproto ipv6 sctp dport 8080 dnat ip6 to [fd00::2]:80",
            "ip6 saddr fd00::/64 oifname != \"br7\" masquerade",
            "ip saddr 10.85.0.0/16 ip daddr 10.85.0.2 tcp dport 80 ct original proto-dst 8080 ct status dnat masquerade",
            "ip6 saddr fd00::/64 ip6 daddr fd00::2 sctp dport 80 ct original proto-dst 8080 ct status dnat masquerade",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line:?} in\n{text}");
        }
    }
}
