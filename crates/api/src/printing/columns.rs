//! Columns as data.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::age;
use super::field::text;

/// What is read off an object for one column, at a time.
pub type Cell = fn(&Value, Timestamp) -> Value;

/// The columns of a kind, in order.
#[derive(Debug)]
pub struct Columns(pub(super) &'static [Column]);

/// One column.
#[derive(Debug)]
pub struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    description: &'static str,
    priority: u8,
    cell: Cell,
}

/// For kinds that have no columns of their own.
pub static PLAIN: Columns = Columns(&[Column::NAME, Column::AGE]);

impl Columns {
    /// As `columnDefinitions` has them.
    #[must_use]
    pub fn definitions(&self) -> Value {
        self.0.iter().map(Column::definition).collect()
    }

    /// The cells of an object.
    #[must_use]
    pub fn cells(&self, object: &Value, now: Timestamp) -> Value {
        self.0.iter().map(|column| (column.cell)(object, now)).collect()
    }
}

impl Column {
    /// The object's name.
    pub const NAME: Self = Self {
        name: "Name",
        kind: "string",
        format: "name",
        description: "The object's name, which is unique among those of its kind in its namespace.",
        priority: 0,
        cell: |object, _| text(object, "/metadata/name").into(),
    };
    /// For how long the object has been there.
    pub const AGE: Self = Self::text("Age", "The time since the server made the object.", |object, now| {
        age(object, "/metadata/creationTimestamp", now)
    });

    /// One of text.
    #[must_use]
    pub const fn text(name: &'static str, description: &'static str, cell: Cell) -> Self {
        Self { name, kind: "string", format: "", description, priority: 0, cell }
    }

    /// One of another type of OpenAPI's.
    #[must_use]
    pub const fn of(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// With another cell.
    #[must_use]
    pub const fn reading(mut self, cell: Cell) -> Self {
        self.cell = cell;
        self
    }

    /// Shown by `-o wide` only.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    fn definition(&self) -> Value {
        let Self { name, kind, format, description, priority, .. } = self;
        json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
    }
}
