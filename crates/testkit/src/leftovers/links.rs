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
    let Ok(output) = Command::new("nft").args(["list", "tables"]).output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names_it = |line: &&str| line.split([' ', '-', '_']).any(|word| word == bridge);
    text.lines().filter(names_it).map(|line| line.trim_start_matches("table ").to_owned()).collect()
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
}

fn run(program: &str, arguments: &[&str]) {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => eprintln!("testkit: {program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("testkit: {program}: {error}"),
    }
}
