//! Hands the entries and items of nodes to the types, one by one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

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
        Self::collect(typed, |place, key| {
            let field = fields.iter().find(|field| **field == key)?;
            Some(Place::field(place, name, field))
        })
    }

    /// All entries of a map; keys that come twice are noted.
    pub fn of_map(typed: &Typed<'n>) -> Self {
        Self::collect(typed, |place, key| Some(Place::entry(place, key)))
    }

    fn collect(typed: &Typed<'n>, place: impl Fn(&Rc<Place<'n>>, &'n str) -> Option<Place<'n>>) -> Self {
        let nodes = typed.node.entries();
        let outer = Rc::new(typed.place.clone());
        let mut last = Last::of(nodes.len());
        let mut entries: Vec<Option<(&'n str, Typed<'n>)>> = Vec::with_capacity(nodes.len());
        for (key, node) in nodes {
            let note = |kind, what: &str| {
                let path = outer.path().child(key);
                let text = format!("{what} field \"{path}\"");
                typed.problems.borrow_mut().push(Problem::at_node(kind, path, node, text));
            };
            let Some(place) = place(&outer, key) else {
                note(ProblemKind::UnknownField, "unknown");
                continue;
            };
            if let Some(earlier) = last.seen(key, &entries) {
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

/// Entries of more are looked up, those of fewer are looked through.
const FEW: usize = 16;

/// Where a key was seen last.
enum Last<'n> {
    Few,
    Many(HashMap<&'n str, usize>),
}

impl<'n> Last<'n> {
    fn of(entries: usize) -> Self {
        if entries <= FEW { Self::Few } else { Self::Many(HashMap::with_capacity(entries)) }
    }

    /// Where it was; it will be the next one.
    fn seen(&mut self, key: &'n str, before: &[Option<(&'n str, Typed<'n>)>]) -> Option<usize> {
        match self {
            Self::Few => before.iter().rposition(|entry| entry.as_ref().is_some_and(|(known, _)| *known == key)),
            Self::Many(last) => last.insert(key, before.len()),
        }
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
    place: Rc<Place<'n>>,
    problems: &'n RefCell<Vec<Problem>>,
}

impl<'n> Items<'n> {
    pub fn new(typed: &Typed<'n>) -> Self {
        let nodes = match &typed.node.value {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        Self { nodes, next: 0, place: Rc::new(typed.place.clone()), problems: typed.problems }
    }
}

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.nodes.get(self.next) else { return Ok(None) };
        let place = Place::item(&self.place, self.next);
        self.next += 1;
        seed.deserialize(Typed { node, place, problems: self.problems }).map(Some)
    }
}
