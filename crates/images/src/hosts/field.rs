//! Fields of a `hosts.toml`, read so that each mistake is told with its place and value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use toml::{Table, Value};

use crate::error::{Error, Result};

/// A table of the file.
pub(super) struct Fields<'a> {
    /// The file.
    pub path: &'a Path,
    /// The table's name as the file writes it; empty for the file's own fields.
    pub table: String,
    pub values: &'a Table,
}

impl Fields<'_> {
    /// A mistake in a field.
    pub(super) fn invalid(&self, field: &str, wanted: &str) -> Error {
        let place = if self.table.is_empty() { String::new() } else { format!("[{}] ", self.table) };
        let value = self.values.get(field).map(|value| format!(" = {value}")).unwrap_or_default();
        Error::RegistryConfig { path: self.path.to_path_buf(), reason: format!("{place}{field}{value}: {wanted}") }
    }

    /// Refuses what nobody reads: a misspelt field that is passed over would be a wrong host or a missing check.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        match self.values.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(self.invalid(unknown, &format!("unknown field; known are {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&str>> {
        match self.values.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(field, "must be a string")),
        }
    }

    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>> {
        match self.values.get(field) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.invalid(field, "must be true or false")),
        }
    }

    pub(super) fn table(&self, field: &str) -> Result<Option<&Table>> {
        match self.values.get(field) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(table)),
            Some(_) => Err(self.invalid(field, "must be a table")),
        }
    }

    /// A string or a list of strings.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<&str>> {
        let wrong = || self.invalid(field, "must be a string or a list of strings");
        match self.values.get(field) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(list)) => list.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
            Some(_) => Err(wrong()),
        }
    }

    /// Files, relative to the configuration's own folder.
    pub(super) fn files(&self, field: &str) -> Result<Vec<PathBuf>> {
        Ok(self.texts(field)?.into_iter().map(|name| self.file(name)).collect())
    }

    /// The files of a client certificate: one with the key in it, or a pair. Lists of one are taken too.
    pub(super) fn certificate(&self, field: &str) -> Result<Vec<PathBuf>> {
        let wrong = || self.invalid(field, "must be a file, or a list of one file or of one pair [certificate, key]");
        let Some(value) = self.values.get(field) else { return Ok(Vec::new()) };
        let one = match value {
            Value::Array(list) => match list.as_slice() {
                [] => return Ok(Vec::new()),
                [one] => one,
                _ => return Err(self.invalid(field, "a host can be shown one certificate only")),
            },
            one => one,
        };
        let names: Vec<&str> = match one {
            Value::String(name) => vec![name],
            Value::Array(pair) if pair.len() == 2 => {
                pair.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_>>()?
            }
            _ => return Err(wrong()),
        };
        Ok(names.into_iter().filter(|name| !name.is_empty()).map(|name| self.file(name)).collect())
    }

    /// A time as Go writes it: `1s`, `1m30s`, `500ms`.
    pub(super) fn duration(&self, field: &str) -> Result<Option<Duration>> {
        let Some(text) = self.text(field)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
        let parsed = parsed.filter(|duration| !duration.is_zero());
        parsed.map(Some).ok_or_else(|| self.invalid(field, "must be a time such as \"5s\" or \"500ms\""))
    }

    /// The table `field` as headers of requests.
    pub(super) fn headers(&self, field: &str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let Some(values) = self.table(field)? else { return Ok(headers) };
        let inner = Fields { path: self.path, table: self.below(field), values };
        for key in values.keys() {
            let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| inner.secret(key, "no name of a header"))?;
            for text in inner.texts(key).map_err(|_| inner.secret(key, "must be a string or a list of strings"))? {
                let mut value =
                    HeaderValue::from_str(text).map_err(|_| inner.secret(key, "its value cannot be sent"))?;
                value.set_sensitive(true);
                headers.append(name.clone(), value);
            }
        }
        Ok(headers)
    }

    /// The name of the table `field` in this one.
    pub(super) fn below(&self, field: &str) -> String {
        if self.table.is_empty() { field.to_owned() } else { format!("{}.{field}", self.table) }
    }

    /// A mistake in a header, whose value may be a password.
    fn secret(&self, header: &str, wanted: &str) -> Error {
        Error::RegistryConfig { path: self.path.to_path_buf(), reason: format!("[{}] {header}: {wanted}", self.table) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("/")).join(name)
    }
}
