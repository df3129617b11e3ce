//! The servers of the host, which know all other names.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// How many servers resolvers look at.
const MAX_SERVERS: usize = 3;

#[derive(Debug)]
pub(super) struct Upstreams {
    resolv_conf: PathBuf,
    /// Our own addresses: a question that we pass on to ourselves would go round for ever.
    own: Vec<SocketAddr>,
    /// The file has no ports.
    port: u16,
}

impl Upstreams {
    pub(super) fn new(resolv_conf: PathBuf, own: Vec<SocketAddr>, port: u16) -> Self {
        Self { resolv_conf, own, port }
    }

    /// Those that there are now. The file is small and on this machine, and changes with the network that a laptop is in.
    pub(super) fn servers(&self) -> Vec<SocketAddr> {
        match fs::read_to_string(&self.resolv_conf) {
            Ok(text) => {
                let servers = parse(&text).into_iter().map(|address| SocketAddr::new(address, self.port));
                servers.filter(|server| !self.own.contains(server)).collect()
            }
            Err(error) => {
                tracing::warn!("{} can't be read, so no outside name is known: {error}", self.resolv_conf.display());
                Vec::new()
            }
        }
    }
}

fn parse(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        words.next()?.parse().ok()
    });
    lines.take(MAX_SERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_those_of_the_file_without_ourselves_as_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let upstreams = Upstreams::new(path.clone(), vec!["10.85.0.1:53".parse().unwrap()], 53);
        assert_eq!(upstreams.servers(), []);
        fs::write(&path, "# nameserver 1.1.1.1\nsearch x\nnameserver 10.85.0.1\nnameserver 9.9.9.9\nnameserver x\n")
            .unwrap();
        assert_eq!(upstreams.servers(), ["9.9.9.9:53".parse().unwrap()]);
        fs::write(&path, "nameserver ::1\n").unwrap();
        assert_eq!(upstreams.servers(), ["[::1]:53".parse().unwrap()]);
    }
}
