//! Amounts out of a container's resource lists. What is not listed, or no quantity (validation refuses that), is 0 or none.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use reprise_core::quantity::Quantity;

/// The amount in whole units, rounded up.
pub(crate) fn value(quantity: &ApiQuantity) -> Option<i64> {
    Quantity::of(quantity).ok().map(|q| q.value())
}

/// The amount in thousandths, rounded up.
pub(crate) fn milli_value(quantity: &ApiQuantity) -> Option<i64> {
    Quantity::of(quantity).ok().map(|q| q.milli_value())
}

/// The amount of `resource` in whole units.
pub(crate) fn value_of(list: Option<&BTreeMap<String, ApiQuantity>>, resource: &str) -> i64 {
    list.and_then(|l| l.get(resource)).and_then(value).unwrap_or(0)
}

/// The amount of `resource` in thousandths.
pub(crate) fn milli_value_of(list: Option<&BTreeMap<String, ApiQuantity>>, resource: &str) -> i64 {
    list.and_then(|l| l.get(resource)).and_then(milli_value).unwrap_or(0)
}
