//! Lists: replaced, or merged by the key of their items.

use serde_json::{Map, Value};

use super::super::shape::{List, Meaning, Strategic};
use super::order::in_order;
use super::{DIRECTIVE, PatchError, cleaned, go_text, malformed, merge_objects, no_key, unknown_directive};

/// Merges a list of a patch into the current one.
pub(super) fn merge_lists(list: &'static List, current: &[Value], patch: &[Value]) -> Result<Vec<Value>, PatchError> {
    let merged = match list.strategic {
        Strategic::Replace => return Ok(patch.to_vec()),
        _ if current.is_empty() && patch.is_empty() => return Ok(Vec::new()),
        Strategic::Merge => merge_values(current, patch)?,
        Strategic::MergeBy(key) => return merge_items(list, key, current, patch),
    };
    in_order(list, merged, patch, current)
}

/// Plain values, each once.
fn merge_values(current: &[Value], patch: &[Value]) -> Result<Vec<Value>, PatchError> {
    let mut merged: Vec<Value> = Vec::new();
    for value in current.iter().chain(patch) {
        match value {
            Value::Array(_) => return Err(PatchError::DoesNotFit("lists of lists are not supported".to_owned())),
            Value::Object(_) => return Err(unlike(current, patch)),
            value if !merged.contains(value) => merged.push(value.clone()),
            _ => {}
        }
    }
    Ok(merged)
}

fn merge_items(
    list: &'static List,
    key: &'static str,
    current: &[Value],
    patch: &[Value],
) -> Result<Vec<Value>, PatchError> {
    if let Some(odd) = current.iter().chain(patch).find(|item| !item.is_object()) {
        let of_lists = || PatchError::DoesNotFit("lists of lists are not supported".to_owned());
        return Err(if odd.is_array() { of_lists() } else { unlike(current, patch) });
    }
    let (current, patch) = directives(key, current, patch)?;
    let mut merged = current.clone();
    for item in &patch {
        let Some(value) = item.get(key) else { return Err(no_key(item, key)) };
        let fields = item.as_object().cloned().unwrap_or_default();
        match merged.iter_mut().find(|merged| merged.get(key) == Some(value)) {
            Some(found) => {
                let under = found.as_object().cloned().unwrap_or_default();
                *found = Value::Object(merge_objects(Meaning::whole(list.items), &under, &fields)?);
            }
            None => merged.extend(cleaned(item)),
        }
    }
    in_order(list, merged, &patch, &current)
}

/// Carries out the directives of items: the current items that are left, and the patch's items that are none.
fn directives(key: &str, current: &[Value], patch: &[Value]) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut current = current.to_vec();
    let mut items = Vec::new();
    let mut replace = false;
    for item in patch {
        match item.get(DIRECTIVE).map(|directive| directive.as_str().unwrap_or_default()) {
            None => items.push(item.clone()),
            Some("delete") => match item.get(key) {
                Some(value) => current.retain(|item| item.get(key) != Some(value)),
                None => return Err(no_key(item, key)),
            },
            Some("replace") => replace = true,
            Some("merge") => {
                let text = "merging lists cannot yet be specified in the patch";
                return Err(PatchError::Unmergeable(text.to_owned()));
            }
            Some(_) => return Err(unknown_directive(item.as_object().unwrap_or(&Map::new()))),
        }
    }
    Ok(if replace { (Vec::new(), items) } else { (current, items) })
}

/// Takes values out of a list.
pub(super) fn remove_values(values: &mut Vec<Value>, gone: &[Value]) {
    values.retain(|value| !gone.contains(value));
}

/// Whether the items of a patch come in the order that it sets, and none is missing there.
pub(super) fn check_order(list: &List, patch: &[Value], order: &[Value]) -> Result<(), PatchError> {
    let told = |value: &Value| match list.strategic {
        Strategic::MergeBy(key) => value.get(key).cloned().ok_or_else(|| no_key(value, key)),
        _ => Ok(value.clone()),
    };
    if order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let item = told(item)?;
        let mut found = false;
        for next in rest.by_ref() {
            if told(next)? == item {
                found = true;
                break;
            }
        }
        if !found {
            let (patch, order) = (go_text(&patch.into()), go_text(&order.into()));
            let text = format!("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n");
            return Err(PatchError::Unmergeable(text));
        }
    }
    Ok(())
}

fn unlike(current: &[Value], patch: &[Value]) -> PatchError {
    if current.iter().chain(patch).any(Value::is_null) {
        return malformed("a list has an item that is null");
    }
    let lists = format!("[{} {}]", go_text(&current.into()), go_text(&patch.into()));
    PatchError::Unmergeable(format!("list element types are not identical: {lists}"))
}
