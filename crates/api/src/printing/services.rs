//! Columns of Services.

use jiff::Timestamp;
use serde_json::Value;

use super::field::{items, number, or, text};
use super::labels::labels;
use super::{Column, Columns};

/// Columns of Services.
pub static SERVICES: Columns = Columns(&[
    Column::NAME,
    Column::text("Type", "How the Service is reached.", |service, _| text(service, "/spec/type").into()),
    Column::text("Cluster-IP", "The Service's address; None if it is headless.", cluster_ip),
    Column::text("External-IP", "Addresses outside the cluster.", external),
    Column::text("Port(s)", "The Service's ports.", ports),
    Column::AGE,
    Column::text("Selector", "What the Service's Pods are found by.", |service, _| labels(service, "/spec/selector"))
        .wide(),
]);

fn cluster_ip(service: &Value, _: Timestamp) -> Value {
    or(or(text(service, "/spec/clusterIPs/0"), text(service, "/spec/clusterIP")), "<none>").into()
}

fn external(service: &Value, _: Timestamp) -> Value {
    let mut addresses: Vec<&str> = items(service, "/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").into(),
        "LoadBalancer" => {
            let ingress = items(service, "/status/loadBalancer/ingress").iter();
            let balancers = ingress.map(|item| or(text(item, "/ip"), text(item, "/hostname")));
            addresses.splice(0..0, balancers);
            or(&addresses.join(","), "<pending>").into()
        }
        _ => or(&addresses.join(","), "<none>").into(),
    }
}

fn ports(service: &Value, _: Timestamp) -> Value {
    let port = |port: &Value| {
        let (number, node, protocol) = (number(port, "/port"), number(port, "/nodePort"), text(port, "/protocol"));
        if node > 0 { format!("{number}:{node}/{protocol}") } else { format!("{number}/{protocol}") }
    };
    let ports: Vec<String> = items(service, "/spec/ports").iter().map(port).collect();
    or(&ports.join(","), "<none>").into()
}
