//! Where Pods reach the cluster's API: the Service `kubernetes`, as variables of every container.
//!
//! It is on disk, as containers are made and restarted while the API is away.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::paths::NodePaths;
use crate::record::replace::{Durability, replace};

/// The address of the Service `kubernetes` in the namespace `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiService {
    /// Its `clusterIP`.
    pub address: String,
    /// Its port.
    pub port: i32,
    /// The port's name; empty if it has none.
    pub port_name: String,
}

impl ApiService {
    /// The variables that a kubelet makes of it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let Self { address, port, port_name } = self;
        let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
        let url = format!("tcp://{host}:{port}");
        let named = format!("KUBERNETES_SERVICE_PORT_{}", port_name.to_uppercase().replace('-', "_"));
        let of_port = |part: &str| format!("KUBERNETES_PORT_{port}_TCP{part}");
        let mut all = vec![
            ("KUBERNETES_SERVICE_HOST".to_owned(), address.clone()),
            ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_string()),
            (named, port.to_string()),
            ("KUBERNETES_PORT".to_owned(), url.clone()),
            (of_port(""), url),
            (of_port("_PROTO"), "tcp".to_owned()),
            (of_port("_PORT"), port.to_string()),
            (of_port("_ADDR"), address.clone()),
        ];
        all.retain(|(name, _)| !name.ends_with('_'));
        all
    }
}

/// What the node knows of it. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct KnownApiService {
    file: PathBuf,
    known: Arc<Mutex<Option<ApiService>>>,
}

impl KnownApiService {
    /// Reads what was known before, for a node of a cluster.
    pub(crate) fn open(paths: &NodePaths, in_cluster: bool) -> Result<Self, NodeError> {
        let file = paths.api_service();
        let known = if in_cluster { read(&file)? } else { None };
        Ok(Self { file, known: Arc::new(Mutex::new(known)) })
    }

    pub(crate) fn get(&self) -> Option<ApiService> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes it in; it is on disk when this returns. Containers that are made from now on have it.
    pub(crate) fn set(&self, service: Option<ApiService>) -> Result<(), NodeError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == service {
            return Ok(());
        }
        let content = serde_json::to_vec(&service).map_err(std::io::Error::from);
        let written = content.and_then(|content| replace(&self.file, &content, Durability::Disk));
        written.map_err(NodeError::file("write", self.file.clone()))?;
        *known = service;
        Ok(())
    }
}

fn read(file: &PathBuf) -> Result<Option<ApiService>, NodeError> {
    match fs::read(file) {
        Ok(content) => {
            let parsed = serde_json::from_slice(&content).map_err(std::io::Error::from);
            parsed.map_err(NodeError::file("understand", file.clone()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(NodeError::file("read", file.clone())(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(address: &str, port_name: &str) -> ApiService {
        ApiService { address: address.to_owned(), port: 443, port_name: port_name.to_owned() }
    }

    #[test]
    fn containers_get_the_kubelets_variables() {
        let expected = [
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
            ("KUBERNETES_PORT", "tcp://10.96.0.1:443"),
            ("KUBERNETES_PORT_443_TCP", "tcp://10.96.0.1:443"),
            ("KUBERNETES_PORT_443_TCP_PROTO", "tcp"),
            ("KUBERNETES_PORT_443_TCP_PORT", "443"),
            ("KUBERNETES_PORT_443_TCP_ADDR", "10.96.0.1"),
        ];
        let expected: Vec<(String, String)> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(service("10.96.0.1", "https").variables(), expected);
        let unnamed = service("fd00::1", "").variables();
        assert_eq!(unnamed.len(), expected.len() - 1);
        assert!(unnamed.contains(&("KUBERNETES_PORT".to_owned(), "tcp://[fd00::1]:443".to_owned())));
    }

    #[test]
    fn the_next_agent_knows_it_before_the_api_answers() {
        let folder = tempfile::tempdir().unwrap();
        let paths = NodePaths::new(folder.path());
        let first = KnownApiService::open(&paths, true).unwrap();
        assert_eq!(first.get(), None);
        first.set(Some(service("10.96.0.1", "https"))).unwrap();
        assert_eq!(KnownApiService::open(&paths, true).unwrap().get(), Some(service("10.96.0.1", "https")));
        assert_eq!(KnownApiService::open(&paths, false).unwrap().get(), None, "alone there is no API");
        first.set(None).unwrap();
        assert_eq!(KnownApiService::open(&paths, true).unwrap().get(), None);
    }
}
