//! Columns of JobSets: those that their published CustomResourceDefinition has.

use serde_json::Value;

use super::field::{items, text};
use super::{Column, Columns};

/// Columns of JobSets.
pub static JOB_SETS: Columns = Columns(&[
    Column::NAME,
    Column::text("TerminalState", "How the JobSet has ended.", |set, _| field(set, "/status/terminalState")),
    Column::text("Restarts", "How often the whole JobSet was restarted.", |set, _| field(set, "/status/restarts")),
    Column::text("Completed", "Whether all of it has completed.", |set, _| completed(set)),
    Column::text("Suspended", "Whether it is suspended.", |set, _| field(set, "/spec/suspend")),
    Column::AGE.of("date"),
]);

/// As text; `null` where there is nothing.
fn field(set: &Value, pointer: &str) -> Value {
    match set.pointer(pointer) {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
    }
}

fn completed(set: &Value) -> Value {
    let mut conditions = items(set, "/status/conditions").iter();
    let condition = conditions.find(|condition| text(condition, "/type") == "Completed");
    condition.map_or(Value::Null, |condition| text(condition, "/status").into())
}
