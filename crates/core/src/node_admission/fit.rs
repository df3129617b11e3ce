//! Whether what a Pod requests is there, with what the others have requested taken off.

use k8s_openapi::api::core::v1::Pod;

use super::Refusal;
use crate::quantity::Quantity;
use crate::resources::{self, ResourceList};

/// These are looked at first, in this order; extended resources follow by name.
const STANDARD: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The first resource of which there is not enough refuses the Pod.
pub(super) fn check<'a>(
    pod: &Pod,
    others: impl IntoIterator<Item = &'a Pod>,
    allocatable: &ResourceList,
) -> Result<(), Refusal> {
    let used: Vec<ResourceList> = others.into_iter().map(resources::requests).collect();
    if let Some(pods) = allocatable.get("pods") {
        let count = i64::try_from(used.len()).unwrap_or(i64::MAX);
        enough("pods", 1, count, pods.value())?;
    }
    let requests = resources::requests(pod);
    let extended = requests.keys().map(String::as_str).filter(|name| !STANDARD.contains(name));
    for name in STANDARD.into_iter().chain(extended) {
        let Some(requested) = requests.get(name).map(|amount| counted(name, *amount)) else { continue };
        let amounts = used.iter().filter_map(|list| list.get(name));
        let used = amounts.map(|amount| counted(name, *amount)).fold(0, i64::saturating_add);
        let capacity = allocatable.get(name).map_or(0, |amount| counted(name, *amount));
        enough(name, requested, used, capacity)?;
    }
    Ok(())
}

/// Processors are counted in thousandths.
fn counted(name: &str, amount: Quantity) -> i64 {
    if name == "cpu" { amount.milli_value() } else { amount.value() }
}

fn enough(name: &str, requested: i64, used: i64, capacity: i64) -> Result<(), Refusal> {
    if requested <= 0 || requested <= capacity.saturating_sub(used) {
        return Ok(());
    }
    let message =
        format!("Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}");
    Err(Refusal::new(format!("OutOf{name}"), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(requests: serde_json::Value) -> Pod {
        let containers = json!([{"name": "c", "resources": {"requests": requests}}]);
        serde_json::from_value(json!({"spec": {"containers": containers}})).unwrap()
    }

    fn node() -> ResourceList {
        [
            ("cpu", Quantity::units(2)),
            ("memory", Quantity::bytes(1000)),
            ("ephemeral-storage", Quantity::bytes(500)),
            ("pods", Quantity::units(3)),
            ("example.com/gpu", Quantity::units(1)),
        ]
        .map(|(name, amount)| (name.to_owned(), amount))
        .into()
    }

    fn refusal(requests: serde_json::Value, others: &[Pod]) -> (String, String) {
        let Refusal { reason, message } = check(&pod(requests), others, &node()).unwrap_err();
        (reason, message)
    }

    #[test]
    fn what_fits_is_taken_to_the_last_bit() {
        assert_eq!(check(&pod(json!({"cpu": "2", "memory": "1000", "example.com/gpu": 1})), &[], &node()), Ok(()));
        assert_eq!(check(&pod(json!({})), &[pod(json!({"cpu": "2"}))], &node()), Ok(()));
        assert_eq!(check(&pod(json!({"cpu": "500m"})), &[pod(json!({"cpu": "1500m"}))], &node()), Ok(()));
    }

    #[test]
    fn the_words_are_those_of_the_kubelet() {
        let (reason, message) = refusal(json!({"cpu": "4", "memory": "5000"}), &[]);
        assert_eq!(reason, "OutOfcpu");
        assert_eq!(message, "Node didn't have enough resource: cpu, requested: 4000, used: 0, capacity: 2000");
        let (reason, message) = refusal(json!({"memory": "600"}), &[pod(json!({"memory": "500"}))]);
        assert_eq!(reason, "OutOfmemory");
        assert_eq!(message, "Node didn't have enough resource: memory, requested: 600, used: 500, capacity: 1000");
        assert_eq!(refusal(json!({"ephemeral-storage": "1Ki"}), &[]).0, "OutOfephemeral-storage");
        assert_eq!(refusal(json!({"example.com/gpu": "2"}), &[]).0, "OutOfexample.com/gpu");
        assert_eq!(refusal(json!({"example.com/nic": "1"}), &[]).0, "OutOfexample.com/nic");
        let (reason, message) = refusal(json!({}), &[pod(json!({})), pod(json!({})), pod(json!({}))]);
        assert_eq!(reason, "OutOfpods");
        assert_eq!(message, "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3");
    }
}
