//! The order of a merged list.

use serde_json::Value;

use super::super::shape::{List, Strategic};
use super::{PatchError, no_key};

/// Puts merged items in order: those of `wanted` in its order, and each of the others before the first that came after it
/// in `before`.
pub(super) fn in_order(
    list: &List,
    merged: Vec<Value>,
    wanted: &[Value],
    before: &[Value],
) -> Result<Vec<Value>, PatchError> {
    let key = match list.strategic {
        Strategic::MergeBy(key) => Some(key),
        Strategic::Merge | Strategic::Replace => None,
    };
    let place = |order: &[Value], item: &Value| order.iter().position(|other| is_same(key, item, other));
    if let Some(key) = key
        && let Some(item) = merged.iter().find(|item| item.get(key).is_none())
    {
        return Err(no_key(item, key));
    }
    let (mut first, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place(wanted, item).is_some());
    first.sort_by_key(|item| place(wanted, item));
    others.sort_by_key(|item| place(before, item));
    let mut others = others.into_iter().peekable();
    let mut ordered = Vec::new();
    for item in first {
        let limit = place(before, &item);
        while let Some(other) =
            others.next_if(|other| matches!((place(before, other), limit), (Some(at), Some(limit)) if at < limit))
        {
            ordered.push(other);
        }
        ordered.push(item);
    }
    ordered.extend(others);
    Ok(ordered)
}

fn is_same(key: Option<&str>, one: &Value, other: &Value) -> bool {
    match key {
        Some(key) => one.get(key) == other.get(key),
        None => one == other,
    }
}
