//! A network namespace with one link to the host, for an agent that can be cut off.

use std::net::Ipv4Addr;
use std::process::Command;

/// The namespace; gone with its links when it is dropped.
pub struct Island {
    name: String,
    link: String,
    pub host: Ipv4Addr,
    pub inside: Ipv4Addr,
}

impl Island {
    /// `number` tells it from those of other tests.
    pub fn new(number: u16) -> Self {
        let [high, low] = (number << 2).to_be_bytes();
        let [host, inside] = [1, 2].map(|n| Ipv4Addr::new(169, 254, high, low + n));
        let island = Self { name: format!("reprise-i{number}"), link: format!("ri{number}"), host, inside };
        run("ip", &["netns", "add", &island.name]);
        let peer = format!("{}p", island.link);
        run("ip", &["link", "add", &island.link, "type", "veth", "peer", "name", &peer, "netns", &island.name]);
        run("ip", &["addr", "add", &format!("{host}/30"), "dev", &island.link]);
        run("ip", &["link", "set", &island.link, "up"]);
        let inside_of = ["netns", "exec", island.name.as_str()];
        let commands: [&[&str]; 3] = [
            &["ip", "addr", "add", &format!("{inside}/30"), "dev", &peer],
            &["ip", "link", "set", &peer, "up"],
            &["ip", "link", "set", "lo", "up"],
        ];
        for command in commands {
            run("ip", &[&inside_of[..], command].concat());
        }
        island
    }

    /// The same command, in here. Only the network is another.
    pub fn command(&self, of: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg(of.get_program()).args(of.get_args());
        for (name, value) in of.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// The firewall drops all packets from and to the host, in silence.
    pub fn cut_off(&self, off: bool) {
        let (action, host) = (if off { "-I" } else { "-D" }, self.host.to_string());
        for (chain, side) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
            let rule = ["iptables", action, chain, side, &host, "-j", "DROP"];
            run("ip", &[&["netns", "exec", &self.name][..], &rule].concat());
        }
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        for arguments in [["link", "del", &self.link], ["netns", "del", &self.name]] {
            if !Command::new("ip").args(arguments).status().is_ok_and(|status| status.success()) {
                eprintln!("ip {arguments:?} failed");
            }
        }
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}
