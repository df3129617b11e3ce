//! The way to a cluster's API, as a kubeconfig file describes it.

mod shared;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// A cluster that does not answer within this time is away.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A file that says how to reach a cluster. Nothing is asked yet.
#[derive(Clone)]
pub struct Connection {
    /// For calls.
    pub client: Client,
    /// The API's address, such as `https://192.0.2.1:6443`.
    pub server: String,
    /// The authority that the API's certificate is of, in PEM, if the file has one.
    pub authority_pem: Option<String>,
}

/// A kubeconfig file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// It can't be read, or is none.
    #[error("{} is no kubeconfig file that can be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<KubeconfigError>,
    },
    /// Its certificates or keys can't be used.
    #[error("can't connect as {} says: check its certificates and keys", path.display())]
    Client {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<kube::Error>,
    },
}

impl Connection {
    /// Reads the file's current context.
    ///
    /// # Errors
    /// If the file or what it names can't be used.
    pub async fn of_file(path: &Path) -> Result<Self, ConnectionError> {
        let unusable = |source| ConnectionError::File { path: path.to_owned(), source: Box::new(source) };
        let file = Kubeconfig::read_from(path).map_err(unusable)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(unusable)?;
        Self::of(config).map_err(|source| ConnectionError::Client { path: path.to_owned(), source: Box::new(source) })
    }

    /// Clients for a process that is many nodes: each has one connection, for all the calls and watches of those that use it, if the
    /// server speaks HTTP/2. All are the user that the file's current context names.
    ///
    /// # Errors
    /// If the file or what it names can't be used.
    pub async fn shared_of_file(path: &Path, connections: usize) -> Result<Vec<Client>, ConnectionError> {
        let unusable = |source| ConnectionError::File { path: path.to_owned(), source: Box::new(source) };
        let file = Kubeconfig::read_from(path).map_err(unusable)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(unusable)?;
        let clients = (0..connections).map(|_| shared::client(&config));
        clients
            .collect::<Result<_, _>>()
            .map_err(|source| ConnectionError::Client { path: path.to_owned(), source: Box::new(source) })
    }

    fn of(mut config: Config) -> Result<Self, kube::Error> {
        config.connect_timeout = Some(CONNECT_LIMIT);
        // Who calls knows what to try again, and when.
        config.default_retry = false;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let authority_pem = config.root_cert.as_ref().map(|all| all.iter().map(|der| pem(der)).collect());
        Ok(Self { client: Client::try_from(config)?, server, authority_pem })
    }

    /// The address of this machine from which the API is reached; none if there is no way to it.
    #[must_use]
    pub fn local_address(&self) -> Option<IpAddr> {
        let place = self.server.split_once("://").map_or(self.server.as_str(), |(_, place)| place);
        let place = place.split('/').next().unwrap_or_default();
        let with_port = if has_port(place) { place.to_owned() } else { format!("{place}:443") };
        // Nothing is sent: the kernel looks for the way.
        with_port.to_socket_addrs().ok()?.find_map(way_to)
    }
}

fn has_port(place: &str) -> bool {
    place
        .rsplit_once(':')
        .is_some_and(|(host, port)| port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')))
}

fn way_to(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    const LINE: usize = 64;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(LINE).map(|at| &text[at..text.len().min(at + LINE)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        for content in ["", "a: [", "apiVersion: v1\nkind: Config\ncurrent-context: none\n"] {
            std::fs::write(&path, content).unwrap();
            let Err(error) = Connection::of_file(&path).await else { panic!("taken: {content:?}") };
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[tokio::test]
    async fn the_way_to_an_api_on_this_machine_is_its_own_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:6443'}}]\nusers: [{name: u, user: {token: t}}]\n";
        std::fs::write(&path, text).unwrap();
        let connection = Connection::of_file(&path).await.unwrap();
        assert_eq!(connection.server, "https://127.0.0.1:6443");
        assert_eq!(connection.local_address(), Some([127, 0, 0, 1].into()));
        assert!(has_port("[::1]:1") && has_port("h:1") && !has_port("[::1]") && !has_port("h"));
    }
}
