//! Columns of Events.

use jiff::Timestamp;
use serde_json::Value;

use super::age::since;
use super::field::{number, or, text, time};
use super::{Column, Columns};

/// Columns of Events.
pub static EVENTS: Columns = Columns(&[
    Column::text("Last Seen", "The time since it happened last.", |event, now| since(last(event), now).into()),
    Column::text("Type", "Normal or Warning.", |event, _| text(event, "/type").into()),
    Column::text("Reason", "Why it happened, in one word.", |event, _| text(event, "/reason").into()),
    Column::text("Object", "What it happened to.", object),
    Column::text("Subobject", "The part of the object.", |event, _| text(event, "/involvedObject/fieldPath").into())
        .wide(),
    Column::text("Source", "Who tells.", source).wide(),
    Column::text("Message", "What happened.", |event, _| text(event, "/message").trim().into()),
    Column::text("First Seen", "The time since it happened first.", |event, now| since(first(event), now).into())
        .wide(),
    Column::text("Count", "How often it happened.", |event, _| count(event).into()).of("integer").wide(),
    Column::NAME.wide(),
]);

fn first(event: &Value) -> Option<Timestamp> {
    time(event, "/firstTimestamp").or_else(|| time(event, "/eventTime"))
}

fn last(event: &Value) -> Option<Timestamp> {
    let series = time(event, "/series/lastObservedTime");
    series.or_else(|| time(event, "/lastTimestamp")).or_else(|| first(event))
}

fn count(event: &Value) -> i64 {
    match number(event, "/series/count") {
        0 => number(event, "/count").max(1),
        series => series,
    }
}

fn object(event: &Value, _: Timestamp) -> Value {
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    match text(event, "/involvedObject/name") {
        "" => kind.into(),
        name => format!("{kind}/{name}").into(),
    }
}

fn source(event: &Value, _: Timestamp) -> Value {
    let component = or(text(event, "/source/component"), text(event, "/reportingComponent"));
    match or(text(event, "/source/host"), text(event, "/reportingInstance")) {
        "" => component.into(),
        host => format!("{component}, {host}").into(),
    }
}
