//! The Service `kubernetes`: where Pods reach this server. Nothing forwards what is sent to a Service, so its address and port are
//! those on which the server itself can be reached by Pods.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::settle;
use crate::error::StartError;
use crate::resources::find_stored;
use crate::server::Server;
use crate::store::{Change, Expect, Key, WriteError};
use crate::verbs::put;

const RESOURCE: &str = "services";
const NAMESPACE: &str = "default";
const NAME: &str = "kubernetes";

/// Has the Service say `address`; without one there is no Service, so that nobody is told of an address where nobody answers.
pub(super) async fn keep(server: &Server, address: Option<SocketAddr>) -> Result<(), StartError> {
    let failed = |problem: String| StartError::Bootstrap { what: format!("the Service {NAME}"), problem };
    let row = find_stored(RESOURCE).ok_or_else(|| failed("there is no such resource".to_owned()))?;
    let key = Key { resource: row.stored_as, namespace: NAMESPACE.to_owned(), name: NAME.to_owned() };
    let kept = server.store.get(&key);
    let expect = kept.as_ref().map_or(Expect::Absent, |kept| Expect::Revision(kept.revision));
    let kept: Option<Value> = kept.and_then(|kept| serde_json::from_slice(&kept.json).ok());
    let written = match (address, kept) {
        (None, None) => return Ok(()),
        (None, Some(_)) => server.store.write(Change::Delete { key, expect }).await.map(drop),
        (Some(address), kept) => match object(address, kept) {
            None => return Ok(()),
            Some(object) => put(server, row, key, expect, object).await.map(drop),
        },
    };
    match written {
        // Somebody was faster: the next start looks again.
        Ok(()) | Err(WriteError::Conflict(_) | WriteError::Exists(_) | WriteError::NotFound(_)) => Ok(()),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The Service as it is to be; none if it is so.
fn object(address: SocketAddr, kept: Option<Value>) -> Option<Value> {
    let spec = spec(address);
    let mut object = match kept {
        Some(kept) if kept["spec"] == spec => return None,
        Some(kept) => kept,
        None => {
            let labels = json!({"component": "apiserver", "provider": "kubernetes"});
            let metadata = json!({"name": NAME, "namespace": NAMESPACE, "labels": labels});
            let mut object = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
            object["status"] = json!({"loadBalancer": {}});
            settle(&mut object);
            object
        }
    };
    object["spec"] = spec;
    Some(object)
}

fn spec(address: SocketAddr) -> Value {
    let family = if matches!(address.ip(), IpAddr::V4(_)) { "IPv4" } else { "IPv6" };
    let ip = address.ip().to_string();
    let port = json!({"name": "https", "port": address.port(), "protocol": "TCP", "targetPort": address.port()});
    json!({
        "clusterIP": ip,
        "clusterIPs": [ip],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": [family],
        "ipFamilyPolicy": "SingleStack",
        "ports": [port],
        "sessionAffinity": "None",
        "type": "ClusterIP",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_written_when_it_is_new_or_says_another_address() {
        let address: SocketAddr = "10.85.0.1:6443".parse().unwrap();
        let first = object(address, None).unwrap();
        assert_eq!(first["spec"]["clusterIP"], "10.85.0.1");
        assert_eq!(first["spec"]["ports"][0]["port"], 6443);
        assert_eq!(object(address, Some(first.clone())), None);
        let moved = object("10.9.0.1:6443".parse().unwrap(), Some(first.clone())).unwrap();
        assert_eq!(moved["spec"]["clusterIP"], "10.9.0.1");
        assert_eq!(moved["metadata"]["uid"], first["metadata"]["uid"], "it is the same Service");
    }
}
