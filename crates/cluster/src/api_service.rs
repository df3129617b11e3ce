//! Where Pods reach the API: the Service `kubernetes`, which every container is told of.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::runtime::watcher::Event;
use reprise_node::{ApiService, chain};

use crate::context::Context;
use crate::watching::Watching;

const NAMESPACE: &str = "default";
const FIELDS: &str = "metadata.name=kubernetes";

/// Tells the node of it for as long as it is a member.
pub(crate) async fn follow(context: Arc<Context>) {
    let api: Api<Service> = Api::namespaced(context.client.clone(), NAMESPACE);
    let mut services =
        Watching::new(api, FIELDS, context.options.watch_seconds, "the Service kubernetes can't be watched");
    let mut listed = None;
    loop {
        let known = match services.next().await {
            Event::Init => {
                listed = None;
                continue;
            }
            Event::InitApply(service) => {
                listed = address_of(&service);
                continue;
            }
            Event::InitDone => listed.take(),
            Event::Apply(service) => address_of(&service),
            Event::Delete(_) => None,
        };
        if let Err(error) = context.node.set_api_service(known).await {
            tracing::warn!(error = %chain(&error), "new containers are not told where the API is");
        }
        context.api_service_known.send_replace(true);
    }
}

/// None for a Service without an address of its own.
fn address_of(service: &Service) -> Option<ApiService> {
    let spec = service.spec.as_ref()?;
    let address = spec.cluster_ip.clone().filter(|address| !matches!(address.as_str(), "" | "None"))?;
    let port = spec.ports.iter().flatten().next()?;
    Some(ApiService { address, port: port.port, port_name: port.name.clone().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(spec: Value) -> Option<ApiService> {
        address_of(&serde_json::from_value(json!({"metadata": {"name": "kubernetes"}, "spec": spec})).unwrap())
    }

    #[test]
    fn a_service_with_an_address_and_a_port_is_one_that_pods_can_use() {
        let port = json!([{"name": "https", "port": 6443}, {"name": "other", "port": 1}]);
        let expected = ApiService { address: "10.85.0.1".to_owned(), port: 6443, port_name: "https".to_owned() };
        assert_eq!(of(json!({"clusterIP": "10.85.0.1", "ports": port})), Some(expected));
        assert_eq!(of(json!({"clusterIP": "None", "ports": port})), None);
        assert_eq!(of(json!({"ports": port})), None);
        assert_eq!(of(json!({"clusterIP": "10.85.0.1"})), None);
    }
}
