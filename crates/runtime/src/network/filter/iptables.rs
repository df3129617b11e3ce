//! The rules in the words of `iptables` and `ip6tables`: chains of the bridge's own, replaced as a whole, and one jump
//! to each from the chain that the kernel calls.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::tool::run;
use super::{Forward, Rules};

/// The programs of one address family.
struct Family {
    program: &'static str,
    restore: &'static str,
    subnet: String,
    is_v4: bool,
}

/// A jump: table, chain that the kernel calls, condition, first part of our chain's name.
type Jump = (&'static str, &'static str, &'static [&'static str], &'static str);

const LOCAL: &[&str] = &["-m", "addrtype", "--dst-type", "LOCAL"];
const JUMPS: [Jump; 3] = [
    ("nat", "PREROUTING", LOCAL, "RPR-PORTS"),
    ("nat", "OUTPUT", LOCAL, "RPR-PORTS"),
    ("nat", "POSTROUTING", &[], "RPR-POST"),
];
/// Keeps Pods from the host's loopback.
const GUARD: Jump = ("raw", "PREROUTING", &[], "RPR-GUARD");

/// With the longest name for a bridge still within the 28 characters that a chain's name may have.
fn chain(part: &str, bridge: &str) -> String {
    format!("{part}-{bridge}")
}

fn families(rules: &Rules) -> Vec<Family> {
    let v4 =
        Family { program: "iptables", restore: "iptables-restore", subnet: rules.subnets.v4.to_string(), is_v4: true };
    let v6 = rules.subnets.v6.map(|subnet| Family {
        program: "ip6tables",
        restore: "ip6tables-restore",
        subnet: subnet.to_string(),
        is_v4: false,
    });
    std::iter::once(v4).chain(v6).collect()
}

impl Family {
    fn jumps(&self) -> Vec<Jump> {
        JUMPS.into_iter().chain(self.is_v4.then_some(GUARD)).collect()
    }

    fn change(&self, action: &str, jump: &Jump, bridge: &str) -> Result<(), String> {
        let (table, from, condition, part) = *jump;
        let target = chain(part, bridge);
        let start = ["-w", "-t", table, action, from];
        let arguments: Vec<&str> = start.iter().chain(condition).copied().chain(["-j", &target]).collect();
        run(self.program, &arguments, "")
    }
}

pub fn apply(rules: &Rules) -> Result<(), String> {
    for family in families(rules) {
        run(family.restore, &["-w", "--noflush"], &chains(rules, &family))?;
        for jump in family.jumps() {
            if family.change("-C", &jump, &rules.bridge).is_err() {
                family.change("-A", &jump, &rules.bridge)?;
            }
        }
    }
    Ok(())
}

/// Takes the chains of the bridge away, if they are there.
pub fn remove(rules: &Rules) {
    let known = chain("RPR-POST", &rules.bridge);
    for family in families(rules) {
        if let Err(error) = run(family.program, &["-w", "-t", "nat", "-S", &known], "") {
            tracing::debug!(bridge = rules.bridge, error, "no chains of ours");
            continue;
        }
        for jump in family.jumps() {
            let name = chain(jump.3, &rules.bridge);
            // Two jumps lead to the same chain: it goes with the last one.
            let steps = [
                family.change("-D", &jump, &rules.bridge),
                run(family.program, &["-w", "-t", jump.0, "-F", &name], ""),
                run(family.program, &["-w", "-t", jump.0, "-X", &name], ""),
            ];
            for error in steps.into_iter().filter_map(Result::err) {
                tracing::debug!(bridge = rules.bridge, error, "no rule to remove");
            }
        }
    }
}

/// Our chains with all that is in them. Naming a chain empties it.
fn chains(rules: &Rules, family: &Family) -> String {
    let bridge = &rules.bridge;
    let (ports, post) = (chain("RPR-PORTS", bridge), chain("RPR-POST", bridge));
    let mut text = format!("*nat\n:{ports} - [0:0]\n:{post} - [0:0]\n");
    let forwards = || rules.forwards.iter().filter(|f| f.to.is_ipv4() == family.is_v4);
    // Writing to a string does not fail.
    if !family.is_v4 {
        let _ = writeln!(text, "-A {ports} -d ::1/128 -j RETURN");
    }
    for forward in forwards() {
        let _ = writeln!(text, "-A {ports} {}", lead(forward));
    }
    let _ = writeln!(text, "-A {post} -s {} ! -o {bridge} -j MASQUERADE", family.subnet);
    if family.is_v4 {
        let _ = writeln!(text, "-A {post} -s 127.0.0.0/8 -o {bridge} -j MASQUERADE");
    }
    for Forward { protocol, host_port, to, .. } in forwards() {
        let (protocol, ip, port) = (protocol.name(), to.ip(), to.port());
        let _ = writeln!(
            text,
            "-A {post} -s {} -d {ip} -p {protocol} --dport {port} \
             -m conntrack --ctstate DNAT --ctorigdstport {host_port} -j MASQUERADE",
            family.subnet
        );
    }
    text.push_str("COMMIT\n");
    if family.is_v4 {
        let guard = chain(GUARD.3, bridge);
        let _ = write!(
            text,
            "*raw\n:{guard} - [0:0]\n-A {guard} -i {bridge} -s 127.0.0.0/8 -j DROP\n\
             -A {guard} -i {bridge} -d 127.0.0.0/8 -j DROP\nCOMMIT\n"
        );
    }
    text
}

fn lead(forward: &Forward) -> String {
    let Forward { protocol, host_ip, host_port, to } = forward;
    let whose = match host_ip {
        Some(ip @ IpAddr::V4(_)) => format!("-d {ip}/32 "),
        Some(ip @ IpAddr::V6(_)) => format!("-d {ip}/128 "),
        None => String::new(),
    };
    format!("{whose}-p {} --dport {host_port} -j DNAT --to-destination {to}", protocol.name())
}

#[cfg(test)]
mod tests {
    use super::super::super::addresses::Subnets;
    use super::super::super::host_port::Protocol;
    use super::*;

    #[test]
    fn each_family_has_chains_of_its_own_rules() {
        let subnets = Subnets { v4: "10.85.0.0/16".parse().unwrap(), v6: Some("fd00::/64".parse().unwrap()) };
        let forward = |host_ip: Option<&str>, to: &str| Forward {
            protocol: Protocol::Tcp,
            host_ip: host_ip.map(|ip| ip.parse().unwrap()),
            host_port: 8080,
            to: to.parse().unwrap(),
        };
        let forwards = vec![forward(Some("127.0.0.1"), "10.85.0.2:80"), forward(None, "[fd00::2]:80")];
        let rules = Rules { bridge: "bridge-of-15-ch".to_owned(), subnets, forwards };
        let texts: Vec<String> = families(&rules).iter().map(|family| chains(&rules, family)).collect();
        for (text, line) in [
            (
                0,
                "-A RPR-PORTS-bridge-of-15-ch -d 127.0.0.1/32 -p tcp --dport 8080 -j DNAT --to-destination 10.85.0.2:80",
            ),
            (0, "-A RPR-POST-bridge-of-15-ch -s 10.85.0.0/16 ! -o bridge-of-15-ch -j MASQUERADE"),
            (0, "-A RPR-GUARD-bridge-of-15-ch -i bridge-of-15-ch -d 127.0.0.0/8 -j DROP"),
            (1, "-A RPR-PORTS-bridge-of-15-ch -p tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80"),
            (1, "-A RPR-PORTS-bridge-of-15-ch -d ::1/128 -j RETURN"),
        ] {
            assert!(texts[text].lines().any(|l| l == line), "no {line:?} in\n{}", texts[text]);
        }
        assert!(!texts[0].contains("fd00") && !texts[1].contains("10.85"));
        assert!(chain("RPR-GUARD", &rules.bridge).len() <= 28);
    }
}
