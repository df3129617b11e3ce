//! Messages to the values that JSON would give.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::ProtobufError;
use super::message::{FieldType, How, Kind, Message};
use super::wire::{Field, fields, varint};

/// Messages that may stand in each other; a Job has about fifteen.
const MAX_DEPTH: usize = 64;

/// Reads a message.
pub(super) fn decode(message: &'static Message, bytes: &[u8]) -> Result<Map<String, Value>, ProtobufError> {
    let mut object = Map::new();
    read_message(message, bytes, 0, &mut object)?;
    Ok(object)
}

fn read_message(
    message: &'static Message,
    bytes: &[u8],
    depth: usize,
    into: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::Wire("messages are nested too deeply"));
    }
    for field in fields(bytes) {
        let (number, value) = field?;
        let known = message.fields.iter().find(|known| known.number == number);
        let known = known.ok_or(ProtobufError::UnknownField { message: message.name, number })?;
        Place { message, field: known, depth }.read(value, into)?;
    }
    Ok(())
}

/// A field under way.
#[derive(Clone, Copy)]
struct Place {
    message: &'static Message,
    field: &'static FieldType,
    depth: usize,
}

impl Place {
    fn wrong(&self, why: &'static str) -> ProtobufError {
        ProtobufError::Value { message: self.message.name, field: self.field.name, why }
    }

    fn read(&self, value: Field<'_>, into: &mut Map<String, Value>) -> Result<(), ProtobufError> {
        match (self.field.how, self.field.kind) {
            (How::Inline, Kind::Message(message)) => {
                return read_message(message, self.bytes(value)?, self.depth + 1, into);
            }
            (How::Many, Kind::Int32 | Kind::Int64) if matches!(value, Field::Bytes(_)) => {
                return self.read_packed(self.bytes(value)?, into);
            }
            (How::Many, _) => {
                let value = self.value(value)?;
                self.list(into)?.push(value);
                return Ok(());
            }
            (How::Map, _) => return self.read_entry(self.bytes(value)?, into),
            (How::One | How::Maybe | How::Inline, _) => {}
        }
        let value = self.value(value)?;
        if self.field.how == How::One && is_unset(&value) {
            return Ok(());
        }
        match into.insert(self.field.name.to_owned(), value) {
            Some(_) => Err(self.wrong("comes twice")),
            None => Ok(()),
        }
    }

    fn list<'m>(&self, into: &'m mut Map<String, Value>) -> Result<&'m mut Vec<Value>, ProtobufError> {
        let list = into.entry(self.field.name).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().ok_or_else(|| self.wrong("is no list"))
    }

    fn read_packed(&self, mut bytes: &[u8], into: &mut Map<String, Value>) -> Result<(), ProtobufError> {
        while !bytes.is_empty() {
            let value = self.value(Field::Varint(varint(&mut bytes)?))?;
            self.list(into)?.push(value);
        }
        Ok(())
    }

    /// An entry of a map: a message with the key (1) and the value (2), both of which may be left out if they are empty.
    fn read_entry(&self, bytes: &[u8], into: &mut Map<String, Value>) -> Result<(), ProtobufError> {
        let (mut key, mut value) = (String::new(), None);
        for field in fields(bytes) {
            match field? {
                (1, text) => key = self.text(text)?,
                (2, field) => value = Some(self.value(field)?),
                (number, _) => return Err(ProtobufError::UnknownField { message: "an entry of a map", number }),
            }
        }
        let value = match value {
            Some(value) => value,
            None => self.value(Field::Bytes(&[]))?,
        };
        let map = into.entry(self.field.name).or_insert_with(|| Value::Object(Map::new()));
        map.as_object_mut().ok_or_else(|| self.wrong("is no map"))?.insert(key, value);
        Ok(())
    }

    fn value(&self, field: Field<'_>) -> Result<Value, ProtobufError> {
        Ok(match self.field.kind {
            Kind::Text => self.text(field)?.into(),
            Kind::Texts => self.texts(field)?,
            Kind::Bool => (self.number(field)? != 0).into(),
            Kind::Int32 => i32::try_from(self.number(field)?).map_err(|_| self.wrong("is no int32"))?.into(),
            Kind::Int64 => self.number(field)?.into(),
            Kind::Bytes => BASE64_STANDARD.encode(self.bytes(field)?).into(),
            Kind::Quantity => self.quantity(field)?,
            Kind::IntOrString => self.int_or_string(field)?,
            Kind::Time => self.time(field, "%Y-%m-%dT%H:%M:%SZ")?,
            Kind::MicroTime => self.time(field, "%Y-%m-%dT%H:%M:%S.%6fZ")?,
            Kind::Json => self.json(field)?,
            Kind::Message(message) => {
                let mut object = Map::new();
                read_message(message, self.bytes(field)?, self.depth + 1, &mut object)?;
                Value::Object(object)
            }
        })
    }

    fn bytes<'b>(&self, field: Field<'b>) -> Result<&'b [u8], ProtobufError> {
        match field {
            Field::Bytes(bytes) => Ok(bytes),
            Field::Varint(_) => Err(self.wrong("is a number")),
        }
    }

    /// A number; negative ones of any width are written with all 64 bits.
    fn number(&self, field: Field<'_>) -> Result<i64, ProtobufError> {
        match field {
            Field::Varint(value) => Ok(value.cast_signed()),
            Field::Bytes(_) => Err(self.wrong("is no number")),
        }
    }

    fn text(&self, field: Field<'_>) -> Result<String, ProtobufError> {
        String::from_utf8(self.bytes(field)?.to_vec()).map_err(|_| self.wrong("is not UTF-8"))
    }

    fn texts(&self, field: Field<'_>) -> Result<Value, ProtobufError> {
        let mut texts = Vec::new();
        for field in fields(self.bytes(field)?) {
            match field? {
                (1, text) => texts.push(Value::String(self.text(text)?)),
                (number, _) => return Err(self.unknown(number)),
            }
        }
        Ok(Value::Array(texts))
    }

    fn quantity(&self, field: Field<'_>) -> Result<Value, ProtobufError> {
        let mut quantity = String::new();
        for field in fields(self.bytes(field)?) {
            match field? {
                (1, text) => quantity = self.text(text)?,
                (number, _) => return Err(self.unknown(number)),
            }
        }
        Ok(if quantity.is_empty() { "0".into() } else { quantity.into() })
    }

    fn int_or_string(&self, field: Field<'_>) -> Result<Value, ProtobufError> {
        let (mut is_text, mut number, mut text) = (false, 0, String::new());
        for field in fields(self.bytes(field)?) {
            match field? {
                (1, kind) => is_text = self.number(kind)? == 1,
                (2, value) => number = i32::try_from(self.number(value)?).map_err(|_| self.wrong("is no int32"))?,
                (3, value) => text = self.text(value)?,
                (number, _) => return Err(self.unknown(number)),
            }
        }
        Ok(if is_text { text.into() } else { number.into() })
    }

    /// A time; null if nothing is said of it, which is how an unset one is written.
    fn time(&self, field: Field<'_>, format: &str) -> Result<Value, ProtobufError> {
        let bytes = self.bytes(field)?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let (mut seconds, mut nanoseconds) = (0, 0);
        for field in fields(bytes) {
            match field? {
                (1, value) => seconds = self.number(value)?,
                (2, value) => nanoseconds = i32::try_from(self.number(value)?).unwrap_or(-1),
                (number, _) => return Err(self.unknown(number)),
            }
        }
        let time = Timestamp::new(seconds, nanoseconds).map_err(|_| self.wrong("is no time"))?;
        Ok(time.strftime(format).to_string().into())
    }

    fn json(&self, field: Field<'_>) -> Result<Value, ProtobufError> {
        let mut json = Value::Null;
        for field in fields(self.bytes(field)?) {
            match field? {
                (1, raw) => {
                    json = serde_json::from_slice(self.bytes(raw)?).map_err(|_| self.wrong("is no JSON"))?;
                }
                (number, _) => return Err(self.unknown(number)),
            }
        }
        Ok(json)
    }

    fn unknown(&self, number: u32) -> ProtobufError {
        ProtobufError::UnknownField { message: self.message.name, number }
    }
}

/// Whether a value is the empty one of its type.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}
