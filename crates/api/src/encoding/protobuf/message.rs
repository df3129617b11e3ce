//! How a message is described.

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [FieldType],
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct FieldType {
    /// Its number.
    pub number: u32,
    /// Its name in JSON; empty if what is in it stands in the message around it there.
    pub name: &'static str,
    /// How often it comes.
    pub how: How,
    /// What it is.
    pub kind: Kind,
}

/// How often a field comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Once; the empty value means that it is not set.
    One,
    /// Once; the empty value is one too.
    Maybe,
    /// Any number of times: a list.
    Many,
    /// Any number of times, each with a key: a map.
    Map,
    /// Once; its fields are those of the message around it.
    Inline,
}

/// What a field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// Texts, in a message of their own.
    Texts,
    /// A boolean.
    Bool,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// Bytes: base64 in JSON.
    Bytes,
    /// A quantity.
    Quantity,
    /// A number or a text.
    IntOrString,
    /// A time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// Any value, as JSON.
    Json,
    /// A message.
    Message(&'static Message),
}

/// Describes messages: `NAME "Name" { number field how kind; ... }`.
macro_rules! messages {
    ($($message:ident $name:literal { $($fields:tt)* })*) => {$(
        pub(super) static $message: $crate::encoding::protobuf::message::Message =
            $crate::encoding::protobuf::message::Message {
                name: $name,
                fields: $crate::encoding::protobuf::message::fields!([] $($fields)*),
            };
    )*};
}

macro_rules! fields {
    ([$($done:tt)*]) => { &[$($done)*] };
    ([$($done:tt)*] $number:literal inline $kind:ident $(; $($rest:tt)*)?) => {
        $crate::encoding::protobuf::message::fields!([$($done)*
            $crate::encoding::protobuf::message::FieldType {
                number: $number,
                name: "",
                how: $crate::encoding::protobuf::message::How::Inline,
                kind: $crate::encoding::protobuf::message::kind!($kind),
            },
        ] $($($rest)*)?)
    };
    ([$($done:tt)*] $number:literal $field:ident $how:ident $kind:ident $(; $($rest:tt)*)?) => {
        $crate::encoding::protobuf::message::fields!([$($done)*
            $crate::encoding::protobuf::message::FieldType {
                number: $number,
                name: stringify!($field),
                how: $crate::encoding::protobuf::message::how!($how),
                kind: $crate::encoding::protobuf::message::kind!($kind),
            },
        ] $($($rest)*)?)
    };
}

macro_rules! how {
    (one) => {
        $crate::encoding::protobuf::message::How::One
    };
    (maybe) => {
        $crate::encoding::protobuf::message::How::Maybe
    };
    (many) => {
        $crate::encoding::protobuf::message::How::Many
    };
    (map) => {
        $crate::encoding::protobuf::message::How::Map
    };
}

macro_rules! kind {
    (Text) => {
        $crate::encoding::protobuf::message::Kind::Text
    };
    (Texts) => {
        $crate::encoding::protobuf::message::Kind::Texts
    };
    (Bool) => {
        $crate::encoding::protobuf::message::Kind::Bool
    };
    (Int32) => {
        $crate::encoding::protobuf::message::Kind::Int32
    };
    (Int64) => {
        $crate::encoding::protobuf::message::Kind::Int64
    };
    (Bytes) => {
        $crate::encoding::protobuf::message::Kind::Bytes
    };
    (Quantity) => {
        $crate::encoding::protobuf::message::Kind::Quantity
    };
    (IntOrString) => {
        $crate::encoding::protobuf::message::Kind::IntOrString
    };
    (Time) => {
        $crate::encoding::protobuf::message::Kind::Time
    };
    (MicroTime) => {
        $crate::encoding::protobuf::message::Kind::MicroTime
    };
    (Json) => {
        $crate::encoding::protobuf::message::Kind::Json
    };
    ($message:ident) => {
        $crate::encoding::protobuf::message::Kind::Message(&$message)
    };
}

pub(super) use {fields, how, kind, messages};
