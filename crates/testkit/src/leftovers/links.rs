//! The node's bridge, what hangs on it, and the packet filter's tables for it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The bridge, links that belong to it, and links whose name starts with its name.
pub(super) fn of(bridge: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name == bridge || is_on(name, bridge)).collect()
}

fn is_on(link: &str, bridge: &str) -> bool {
    let master = fs::read_link(Path::new("/sys/class/net").join(link).join("master"));
    master.is_ok_and(|master| master.ends_with(bridge))
}

/// Tables of nftables that name the bridge; none where `nft` is not installed.
pub(super) fn tables_of(bridge: &str) -> Vec<String> {
    let text = output("nft", &["list", "tables"]);
    let names_it = |line: &&str| names(line, bridge);
    text.lines().filter(names_it).map(|line| line.trim_start_matches("table ").to_owned()).collect()
}

/// Rules and chains of iptables that name the bridge: the command that made each, without the program; none where it
/// is not installed. Each with its program and its table.
pub(super) fn iptables_of(bridge: &str) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    for (program, save) in [("iptables", "iptables-save"), ("ip6tables", "ip6tables-save")] {
        let mut table = String::new();
        for line in output(save, &[]).lines() {
            match line.split_at_checked(1) {
                Some(("*", name)) => name.clone_into(&mut table),
                Some((":", chain)) if names(chain, bridge) => {
                    let chain = chain.split(' ').next().unwrap_or_default();
                    found.push((program, table.clone(), format!("-N {chain}")));
                }
                Some(("-", _)) if names(line, bridge) => found.push((program, table.clone(), line.to_owned())),
                _ => {}
            }
        }
    }
    found
}

fn output(program: &str, arguments: &[&str]) -> String {
    // Not installed: nothing was made with it.
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn names(line: &str, bridge: &str) -> bool {
    line.split([' ', '-', '_']).any(|word| word == bridge)
}

/// Removes all of that.
pub(super) fn remove(bridge: &str) {
    for link in of(bridge) {
        run("ip", &["link", "delete", &link]);
    }
    for table in tables_of(bridge) {
        let words: Vec<&str> = ["delete", "table"].into_iter().chain(table.split(' ')).collect();
        run("nft", &words);
    }
    // Rules before the chains that they are in or lead to.
    let (chains, rules): (Vec<_>, Vec<_>) =
        iptables_of(bridge).into_iter().partition(|(.., made)| made.starts_with("-N"));
    for (program, table, made) in rules.iter().chain(&chains) {
        let undo = made.replacen("-A", "-D", 1).replacen("-N", "-X", 1);
        let words: Vec<&str> = ["-w", "-t", table].into_iter().chain(undo.split(' ')).collect();
        run(program, &words);
    }
}

fn run(program: &str, arguments: &[&str]) {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => eprintln!("testkit: {program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("testkit: {program}: {error}"),
    }
}
