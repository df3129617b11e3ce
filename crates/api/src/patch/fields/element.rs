//! One step of a field's path.

use std::fmt;

use serde_json::{Map, Value};

use super::super::shape::{Key, KeyDefault, List, Topology};

/// One step of a path, in the form that `managedFields` has it: `f:name` for a field, `k:{"name":"c"}` for an item told by
/// its keys, `v:"x"` for a value of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element(String);

impl Element {
    /// A field.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self(format!("f:{name}"))
    }

    /// An item of a list.
    ///
    /// # Errors
    /// Why it can't be told from others.
    pub fn item(list: &List, item: &Value) -> Result<Self, &'static str> {
        match list.apply {
            Topology::Map(keys) => Self::keyed(keys, item),
            Topology::Set | Topology::Atomic => match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type"),
                Value::Array(_) => Err("not supported: associative list with lists as elements"),
                Value::Null => Err("associative list without keys has an element that's an explicit null"),
                value => Ok(Self(format!("v:{value}"))),
            },
        }
    }

    fn keyed(keys: &[Key], item: &Value) -> Result<Self, &'static str> {
        let Value::Object(item) = item else {
            return Err("associative list with keys may not have non-map elements");
        };
        let mut given = Map::new();
        for key in keys {
            let value = match (item.get(key.name), key.default) {
                (Some(value), _) => value.clone(),
                (None, KeyDefault::Text(text)) => text.into(),
                (None, KeyDefault::Zero) => 0.into(),
                (None, KeyDefault::Nothing) => continue,
            };
            given.insert(key.name.to_owned(), value);
        }
        if given.is_empty() {
            return Err("associative list with keys has an element that omits all key fields");
        }
        Ok(Self(format!("k:{}", Value::Object(given))))
    }

    /// Reads one as it is written in `managedFields`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self(text.to_owned())),
            // Written again, so that the same element is always the same text.
            "k" => serde_json::from_str::<Map<String, Value>>(rest)
                .ok()
                .map(|keys| Self(format!("k:{}", Value::Object(keys)))),
            "v" => serde_json::from_str::<Value>(rest).ok().map(|value| Self(format!("v:{value}"))),
            "i" => rest.parse::<u64>().ok().map(|index| Self(format!("i:{index}"))),
            _ => None,
        }
    }

    /// As it is written in `managedFields`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, if it is a field.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.strip_prefix("f:")
    }
}

impl fmt::Display for Element {
    /// As messages show it: `.name`, `[name="c"]`, `[="x"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, rest) = self.0.split_once(':').unwrap_or_default();
        match kind {
            "f" => write!(f, ".{rest}"),
            "v" => write!(f, "[={rest}]"),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            _ => write!(f, "[{rest}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::shape::{Strategic, USUAL};
    use super::*;

    #[test]
    fn items_are_told_by_all_keys_with_their_defaults() {
        static KEYS: &[Key] = &[
            Key { name: "containerPort", default: KeyDefault::Zero },
            Key { name: "protocol", default: KeyDefault::Text("TCP") },
        ];
        let list = List { strategic: Strategic::Replace, apply: Topology::Map(KEYS), items: &USUAL };
        let element = Element::item(&list, &json!({"containerPort": 80})).unwrap();
        assert_eq!(element.as_str(), r#"k:{"containerPort":80,"protocol":"TCP"}"#);
        assert_eq!(element.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert!(Element::item(&list, &json!("x")).is_err());
    }

    #[test]
    fn the_same_element_is_the_same_text() {
        let parsed = Element::parse(r#"k:{ "b": 1, "a": "x"}"#).unwrap();
        assert_eq!(parsed.as_str(), r#"k:{"a":"x","b":1}"#);
        assert_eq!(Element::parse("v:\"x\"").unwrap().to_string(), "[=\"x\"]");
        assert_eq!(Element::parse("f:a:b").unwrap().name(), Some("a:b"));
        for bad in ["", "x", "q:1", "k:1", "v:", "i:-1"] {
            assert_eq!(Element::parse(bad), None, "{bad}");
        }
    }
}
