//! A manifest as a tree that still knows where each value stood.

use std::fmt;

/// A place in a text; both numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value and its place. JSON has no places (only its syntax errors do).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub at: Option<Position>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number as decimal text, so that no digit is lost before its type is known.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// Entries in their order; a key may come twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The last value of a key, as in JSON.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().rev().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items_mut(&mut self) -> &mut [Node] {
        match &mut self.value {
            Value::List(items) => items,
            _ => &mut [],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What JSON calls a value of this kind.
    pub fn json_kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    /// The value as an error message shows it: whole if it is short, else its kind.
    pub fn summary(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(digits) => digits.clone(),
            Value::Text(text) if text.chars().count() <= 60 => format!("{text:?}"),
            Value::Text(text) => format!("{:?}...", text.chars().take(60).collect::<String>()),
            Value::List(items) => format!("a list with {} items", items.len()),
            Value::Map(entries) => {
                let keys: Vec<&str> = entries.iter().take(5).map(|(key, _)| key.as_str()).collect();
                format!("an object with {}", if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") })
            }
        }
    }
}
