//! The value that an error is about, shown as the API server shows it.

use std::fmt::{self, Write};

use serde::Serialize;

/// A value as an error message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadValue {
    /// A text, shown in quotes with Go's escapes.
    Text(String),
    /// A number or a boolean, shown as it is.
    Plain(String),
    /// Anything else, shown as JSON.
    Json(String),
}

impl BadValue {
    /// Shows a structured value as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => go_quoted(text, f),
            Self::Plain(text) | Self::Json(text) => f.write_str(text),
        }
    }
}

/// A string as Go's `%q` writes it.
fn go_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{7}' => f.write_str("\\a")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{b}' => f.write_str("\\v")?,
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => write!(f, "\\x{:02x}", u32::from(c))?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl From<&str> for BadValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for BadValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for BadValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl From<$type> for BadValue {
            fn from(value: $type) -> Self {
                Self::Plain(value.to_string())
            }
        }
    )*};
}

plain!(bool, i32, i64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_go_does() {
        let shown = |text: &str| BadValue::from(text).to_string();
        assert_eq!(shown("a'b\"c\\d"), r#""a'b\"c\\d""#);
        assert_eq!(shown("\u{1}\n\u{7f}\u{85}\u{e4}"), "\"\\x01\\n\\x7f\\u0085\u{e4}\"");
    }

    #[test]
    fn numbers_are_bare_and_structures_are_json() {
        assert_eq!(BadValue::from(-1_i64).to_string(), "-1");
        assert_eq!(BadValue::json(&["a"]).to_string(), "[\"a\"]");
    }
}
