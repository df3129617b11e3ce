//! Columns of what decides where and how Pods run.

use serde_json::Value;

use super::field::{number, or, text};
use super::{Column, Columns};

/// Columns of PriorityClasses.
pub static PRIORITY_CLASSES: Columns = Columns(&[
    Column::NAME,
    Column::text("Value", "The priority that Pods of the class have.", |class, _| number(class, "/value").into())
        .of("integer"),
    Column::text("Global-Default", "Whether Pods that name no class have it.", |class, _| {
        class.pointer("/globalDefault").and_then(Value::as_bool).unwrap_or_default().into()
    })
    .of("boolean"),
    Column::AGE,
    Column::text("PreemptionPolicy", "Whether Pods of the class make room.", |class, _| {
        or(text(class, "/preemptionPolicy"), "PreemptLowerPriority").into()
    }),
]);

/// Columns of RuntimeClasses.
pub static RUNTIME_CLASSES: Columns = Columns(&[
    Column::NAME,
    Column::text("Handler", "The runtime's name on the nodes.", |class, _| text(class, "/handler").into()),
    Column::AGE,
]);

/// Columns of ResourceSlices.
pub static RESOURCE_SLICES: Columns = Columns(&[
    Column::NAME,
    Column::text("Node", "The node that has the devices.", |slice, _| {
        or(text(slice, "/spec/nodeName"), "<all>").into()
    }),
    Column::text("Driver", "The driver that offers them.", |slice, _| text(slice, "/spec/driver").into()),
    Column::text("Pool", "The pool that they are in.", |slice, _| text(slice, "/spec/pool/name").into()),
    Column::AGE,
]);
