//! What the lists and objects of a kind mean when they are merged.
//!
//! Two ways to merge differ for the same list: strategic merge has one key for its items, server-side apply may have
//! several. Whatever is not named is the usual: objects are merged field by field, lists are replaced as a whole.

/// An object's fields as far as they are not the usual.
#[derive(Debug)]
pub struct Shape {
    /// Whether server-side apply takes it as a whole.
    pub atomic: bool,
    /// The fields that are not the usual, or lead to such.
    pub fields: &'static [Field],
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What a field holds.
#[derive(Debug)]
pub enum Content {
    /// An object.
    Object(&'static Shape),
    /// A list.
    List(List),
}

/// A list.
#[derive(Debug)]
pub struct List {
    /// How strategic merge treats it.
    pub strategic: Strategic,
    /// How server-side apply treats it.
    pub apply: Topology,
    /// Its items.
    pub items: &'static Shape,
}

/// How strategic merge treats a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategic {
    /// It is replaced.
    Replace,
    /// Its plain values are merged.
    Merge,
    /// Its objects are merged by this field.
    MergeBy(&'static str),
}

/// How server-side apply treats a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// It has one owner.
    Atomic,
    /// Each value has owners.
    Set,
    /// Each item has owners, and is told from the others by these fields.
    Map(&'static [Key]),
}

/// One of the fields that tell items apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it counts as where it is not set.
    pub default: KeyDefault,
}

/// What a key counts as where it is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDefault {
    /// This text.
    Text(&'static str),
    /// Zero.
    Zero,
    /// Nothing: it is then no part of what tells the item.
    Nothing,
}

/// An object of which nothing is special.
pub static USUAL: Shape = Shape { atomic: false, fields: &[] };
/// An object that server-side apply takes as a whole.
pub static ATOMIC: Shape = Shape { atomic: true, fields: &[] };
/// A list of which nothing is special.
pub static USUAL_LIST: List = List { strategic: Strategic::Replace, apply: Topology::Atomic, items: &USUAL };

impl Shape {
    /// An object with these fields.
    pub(super) const fn of(fields: &'static [Field]) -> Self {
        Self { atomic: false, fields }
    }

    fn content(&self, field: &str) -> Option<&'static Content> {
        self.fields.iter().find(|known| known.name == field).map(|known| &known.content)
    }

    /// The object in a field.
    #[must_use]
    pub fn object(&self, field: &str) -> &'static Shape {
        match self.content(field) {
            Some(Content::Object(shape)) => shape,
            _ => &USUAL,
        }
    }

    /// The list in a field.
    #[must_use]
    pub fn list(&self, field: &str) -> &'static List {
        match self.content(field) {
            Some(Content::List(list)) => list,
            _ => &USUAL_LIST,
        }
    }
}

/// What stands at one place of an object, depending on what is found there.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// If it is an object.
    pub object: &'static Shape,
    /// If it is a list.
    pub list: &'static List,
}

impl Meaning {
    /// Of a whole object.
    #[must_use]
    pub fn whole(shape: &'static Shape) -> Self {
        Self { object: shape, list: &USUAL_LIST }
    }

    /// Of a field, if this is an object.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        Self { object: self.object.object(name), list: self.object.list(name) }
    }

    /// Of an item, if this is a list.
    #[must_use]
    pub fn item(self) -> Self {
        Self::whole(self.list.items)
    }

    /// Whether server-side apply takes a value here as a whole: plain values, and what is atomic.
    #[must_use]
    pub fn is_leaf(self, value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Object(_) => self.object.atomic,
            serde_json::Value::Array(_) => self.list.apply == Topology::Atomic,
            _ => true,
        }
    }
}

/// A field with an object.
pub(super) const fn object(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, content: Content::Object(shape) }
}

/// A field with an object or map that server-side apply takes as a whole.
pub(super) const fn atomic(name: &'static str) -> Field {
    object(name, &ATOMIC)
}

/// A list whose items are merged by one field, in both ways.
pub(super) const fn merged(name: &'static str, key: &'static [Key; 1], items: &'static Shape) -> Field {
    list(name, Strategic::MergeBy(key[0].name), Topology::Map(key), items)
}

/// A list that is merged in server-side apply alone.
pub(super) const fn applied(name: &'static str, apply: Topology) -> Field {
    list(name, Strategic::Replace, apply, &USUAL)
}

/// Any list.
pub(super) const fn list(name: &'static str, strategic: Strategic, apply: Topology, items: &'static Shape) -> Field {
    Field { name, content: Content::List(List { strategic, apply, items }) }
}

/// A key that is a text and must be set.
pub(super) const fn key(name: &'static str) -> Key {
    Key { name, default: KeyDefault::Text("") }
}

/// A key that is a number and must be set.
pub(super) const fn number(name: &'static str) -> Key {
    Key { name, default: KeyDefault::Zero }
}
