//! What becomes of an object's dependents, said by finalizers that the garbage collector knows.

use serde_json::Value;

use super::metadata;
use crate::request::Propagation;

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// The finalizers that an object has once it is to be deleted in this way. An object that says nothing keeps what it has.
pub(super) fn finalizers(object: &Value, wanted: Option<Propagation>) -> Vec<String> {
    let has = metadata::finalizers(object);
    let effective = wanted.or_else(|| match (has.contains(&ORPHAN), has.contains(&FOREGROUND)) {
        (true, _) => Some(Propagation::Orphan),
        (false, true) => Some(Propagation::Foreground),
        (false, false) => None,
    });
    let others = has.iter().filter(|name| ![ORPHAN, FOREGROUND].contains(name)).map(|name| (*name).to_owned());
    let mut finalizers: Vec<String> = others.collect();
    match effective {
        Some(Propagation::Orphan) => finalizers.push(ORPHAN.to_owned()),
        Some(Propagation::Foreground) => finalizers.push(FOREGROUND.to_owned()),
        Some(Propagation::Background) | None => {}
    }
    finalizers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_policy_of_the_request_takes_the_place_of_an_earlier_one() {
        let of = |has: Value, wanted| finalizers(&json!({"metadata": {"finalizers": has}}), wanted);
        assert_eq!(of(json!([]), Some(Propagation::Orphan)), ["orphan"]);
        assert_eq!(of(json!(["a/b", "orphan"]), Some(Propagation::Background)), ["a/b"]);
        assert_eq!(of(json!(["orphan", "a/b"]), None), ["a/b", "orphan"]);
        assert_eq!(of(json!(["orphan"]), Some(Propagation::Foreground)), ["foregroundDeletion"]);
        assert!(of(json!(null), None).is_empty());
    }
}
