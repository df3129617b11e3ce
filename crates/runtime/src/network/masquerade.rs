//! Lets Pods reach beyond the host: their addresses are replaced by the host's on the way out.
//!
//! Done once per runtime, with `nft` or else `iptables`. Without either, or where the machine refuses, Pods reach the
//! host and each other only, and the runtime says so.

use std::io::Write;
use std::process::{Command, Stdio};

use super::subnet::Subnet;

fn table(bridge: &str) -> String {
    format!("reprise-{bridge}")
}

/// Sets it up. An error is a sentence for the user.
pub fn set_up(bridge: &str, subnet: Subnet) -> Result<(), String> {
    let forward = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default();
    if forward.trim() != "1"
        && let Err(e) = std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")
    {
        return Err(format!("Pods can't reach beyond this host: net.ipv4.ip_forward can't be switched on ({e})"));
    }
    let nft = nft(&format!(
        "table ip {table}\ndelete table ip {table}\ntable ip {table} {{\nchain postrouting {{\n\
         type nat hook postrouting priority 100;\nip saddr {subnet} oifname != \"{bridge}\" masquerade\n}}\n}}\n",
        table = table(bridge),
    ));
    let refused = match nft {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    match iptables("-A", bridge, subnet) {
        Ok(()) => Ok(()),
        Err(also) => {
            Err(format!("Pods can't reach beyond this host (install nftables to change that): {refused}; {also}"))
        }
    }
}

/// Takes it away again, as far as it is there.
pub fn tear_down(bridge: &str, subnet: Subnet) {
    if nft(&format!("delete table ip {}\n", table(bridge))).is_err()
        && let Err(e) = iptables("-D", bridge, subnet)
    {
        tracing::debug!(bridge, error = e, "no masquerade rule to remove");
    }
}

fn nft(script: &str) -> Result<(), String> {
    run(Command::new("nft").args(["-f", "-"]), script)
}

fn iptables(action: &str, bridge: &str, subnet: Subnet) -> Result<(), String> {
    let comment = table(bridge);
    let subnet = subnet.to_string();
    let rule =
        ["POSTROUTING", "-s", &subnet, "!", "-o", bridge, "-j", "MASQUERADE", "-m", "comment", "--comment", &comment];
    run(Command::new("iptables").args(["-w", "-t", "nat", action]).args(rule), "")
}

fn run(command: &mut Command, input: &str) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let said = |e: std::io::Error| format!("{name}: {e}");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(said)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(said)?;
    }
    let output = child.wait_with_output().map_err(said)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}", text.lines().next().unwrap_or("failed")))
}
