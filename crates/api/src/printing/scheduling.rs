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
