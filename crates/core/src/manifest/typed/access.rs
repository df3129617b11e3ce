//! Hands the entries and items of nodes to the types, one by one.

use std::collections::HashMap;

use serde::de::value::Error;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::super::error::{Problem, ProblemKind};
use super::super::node::{Node, Value};
use super::Typed;
use super::place::Place;

/// The entries of a map or of a struct.
pub(super) struct Entries<'n> {
    rest: std::vec::IntoIter<(&'n str, Typed<'n>)>,
    value: Option<Typed<'n>>,
}

impl<'n> Entries<'n> {
    /// The known fields of a struct; unknown ones and those that come twice are noted.
    pub fn of_struct(typed: &Typed<'n>, name: &'static str, fields: &'static [&'static str]) -> Self {
        Self::collect(typed, |key| {
            let field = fields.iter().find(|field| **field == key)?;
            Some(typed.place.field(name, field))
        })
    }

    /// All entries of a map; keys that come twice are noted.
    pub fn of_map(typed: &Typed<'n>) -> Self {
        Self::collect(typed, |key| Some(typed.place.entry(key)))
    }

    fn collect(typed: &Typed<'n>, place: impl Fn(&str) -> Option<Place>) -> Self {
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut entries: Vec<Option<(&'n str, Typed<'n>)>> = Vec::new();
        for (key, node) in typed.node.entries() {
            let note = |kind, what: &str| {
                let path = typed.place.path.child(key);
                let text = format!("{what} field \"{path}\"");
                typed.problems.borrow_mut().push(Problem::at_node(kind, path, node, text));
            };
            let Some(place) = place(key) else {
                note(ProblemKind::UnknownField, "unknown");
                continue;
            };
            if let Some(earlier) = last.insert(key, entries.len()) {
                note(ProblemKind::DuplicateField, "duplicate");
                // The last one counts.
                entries[earlier] = None;
            }
            entries.push(Some((key, Typed { node, place, problems: typed.problems })));
        }
        let entries: Vec<_> = entries.into_iter().flatten().collect();
        Self { rest: entries.into_iter(), value: None }
    }
}

impl<'n> MapAccess<'n> for Entries<'n> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(serde::de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// The items of a list.
pub(super) struct Items<'n> {
    nodes: &'n [Node],
    next: usize,
    typed: Typed<'n>,
}

impl<'n> Items<'n> {
    pub fn new(typed: &Typed<'n>) -> Self {
        let nodes = match &typed.node.value {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        let typed = Typed { node: typed.node, place: typed.place.clone(), problems: typed.problems };
        Self { nodes, next: 0, typed }
    }
}

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.nodes.get(self.next) else { return Ok(None) };
        let place = self.typed.place.item(self.next);
        self.next += 1;
        seed.deserialize(Typed { node, place, problems: self.typed.problems }).map(Some)
    }
}
