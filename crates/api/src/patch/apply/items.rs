//! The items of a list with what tells them apart.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::fields::Element;
use super::super::shape::List;
use super::Untyped;

/// The items in their order; several may have the same element.
pub(super) fn items<'v>(
    list: &List,
    values: &'v [Value],
    path: &[Element],
) -> Result<Vec<(Element, &'v Value)>, Untyped> {
    let told = values.iter().enumerate().map(|(index, value)| {
        let element = Element::item(list, value).map_err(|why| Untyped::at(path, format!("element {index}: {why}")))?;
        Ok((element, value))
    });
    told.collect()
}

/// The same for a list in which no two items may be the same.
pub(super) fn distinct_items<'v>(
    list: &List,
    values: &'v [Value],
    path: &[Element],
) -> Result<Vec<(Element, &'v Value)>, Untyped> {
    let items = items(list, values, path)?;
    let mut seen = BTreeSet::new();
    match items.iter().find(|(element, _)| !seen.insert(element)) {
        Some((element, _)) => Err(Untyped::at(path, format!("duplicate entries for key {element}"))),
        None => Ok(items),
    }
}
