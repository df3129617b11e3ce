//! Takes the fields of an object one by one, notes those that are wrong, and in the end those that nobody took.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use jiff::SignedDuration;
use reprise_core::annotations::parse_go_duration;
use reprise_core::gates::{CONTAINER_RESTART_RULES, RESTART_ALL_CONTAINERS};
use reprise_core::quantity::Quantity;
use serde_json::{Map, Value};

/// The fields of an object that have not been taken yet.
pub(super) struct Fields {
    /// Where the object is: empty, or with a dot at the end.
    prefix: String,
    left: Map<String, Value>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Fields {
    /// The fields of a whole file.
    pub(super) fn of(value: Value) -> Result<Self, Vec<String>> {
        match value {
            Value::Object(left) => Ok(Self::at(String::new(), left)),
            _ => Err(vec!["there are no fields in it: a KubeletConfiguration is needed".to_owned()]),
        }
    }

    fn at(prefix: String, left: Map<String, Value>) -> Self {
        Self { prefix, left, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Warnings about what was not taken, or all that is wrong.
    pub(super) fn finish(mut self) -> Result<Vec<String>, Vec<String>> {
        self.name_the_rest();
        self.warnings.sort();
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(self.problems) }
    }

    fn name_the_rest(&mut self) {
        for name in self.left.keys() {
            self.warnings.push(format!("{}{name}: not supported: it changes nothing", self.prefix));
        }
    }

    /// The fields of an object in this one.
    pub(super) fn within<T>(&mut self, name: &str, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let Value::Object(left) = value else {
            self.wrong(name, &value, "an object is needed");
            return None;
        };
        let mut inner = Self::at(format!("{}{name}.", self.prefix), left);
        let taken = take(&mut inner);
        inner.name_the_rest();
        self.problems.append(&mut inner.problems);
        self.warnings.append(&mut inner.warnings);
        taken
    }

    /// A field that must have this value.
    pub(super) fn expect(&mut self, name: &str, wanted: &str) {
        let value = self.take(name).unwrap_or_default();
        if value != wanted {
            self.wrong(name, &value, &format!("it must be {wanted}"));
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "a text is needed", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn path(&mut self, name: &str) -> Option<PathBuf> {
        let read = |value: &Value| value.as_str().filter(|path| path.starts_with('/')).map(PathBuf::from);
        self.read(name, "an absolute path is needed", read)
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, "true or false is needed", Value::as_bool)
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        self.read(name, "a whole number is needed", Value::as_i64)
    }

    pub(super) fn port(&mut self, name: &str) -> Option<u16> {
        self.read(name, "a number from 0 to 65535 is needed", |value| value.as_u64()?.try_into().ok())
    }

    pub(super) fn address(&mut self, name: &str) -> Option<IpAddr> {
        self.read(name, "an IP address is needed", |value| value.as_str()?.parse().ok())
    }

    pub(super) fn addresses(&mut self, name: &str) -> Option<Vec<String>> {
        let address = |value: &Value| value.as_str().filter(|text| text.parse::<IpAddr>().is_ok()).map(str::to_owned);
        self.read(name, "a list of IP addresses is needed", |value| value.as_array()?.iter().map(address).collect())
    }

    /// A part of a hundred.
    pub(super) fn percent(&mut self, name: &str) -> Option<u8> {
        let read = |value: &Value| value.as_u64().filter(|percent| *percent <= 100)?.try_into().ok();
        self.read(name, "a number from 0 to 100 is needed", read)
    }

    /// A number of bytes, as a quantity.
    pub(super) fn bytes(&mut self, name: &str) -> Option<u64> {
        let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| Some(value.as_u64()?.to_string()));
        let read = |value: &Value| {
            let bytes = text(value)?.parse::<Quantity>().ok()?.value();
            u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
        };
        self.read(name, "a size such as 10Mi is needed", read)
    }

    /// The address of something on the web.
    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let is_web = |url: &&str| reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        self.read(name, "a URL with http or https is needed", |value| value.as_str().filter(is_web).map(str::to_owned))
    }

    /// Headers of a request: a list of values for each name.
    pub(super) fn headers(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let of_one = |(name, values): (&String, &Value)| -> Option<Vec<(String, String)>> {
            values.as_array()?.iter().map(|value| header(name, value.as_str()?)).collect()
        };
        let read = |value: &Value| Some(value.as_object()?.iter().map(of_one).collect::<Option<Vec<_>>>()?.concat());
        self.read(name, "lists of texts by names of headers are needed", read)
    }

    /// A value that makes no sense beside others.
    pub(super) fn clash(&mut self, name: &str, value: impl std::fmt::Display, wanted: &str) {
        self.problems.push(format!("{}{name}: Invalid value: {value}: {wanted}", self.prefix));
    }

    /// A duration as Go writes it.
    pub(super) fn duration(&mut self, name: &str, bounds: RangeInclusive<SignedDuration>) -> Option<SignedDuration> {
        let read = |value: &Value| parse_go_duration(value.as_str()?).ok().filter(|time| bounds.contains(time));
        let (least, most) = (bounds.start().as_secs(), bounds.end().as_secs());
        self.read(name, &format!("a duration from {least}s to {most}s is needed"), read)
    }

    /// Two files that are of use together only.
    pub(super) fn both(&mut self, one: &str, other: &str) -> Option<(PathBuf, PathBuf)> {
        match (self.path(one), self.path(other)) {
            (Some(one), Some(other)) => Some((one, other)),
            (None, None) => None,
            (Some(_), None) => self.alone(one, other),
            (None, Some(_)) => self.alone(other, one),
        }
    }

    fn alone<T>(&mut self, given: &str, missing: &str) -> Option<T> {
        let prefix = &self.prefix;
        self.problems.push(format!("{prefix}{given}: Required value: {prefix}{missing} must be given with it"));
        None
    }

    /// The gates that exist here.
    pub(super) fn gates(&mut self) -> Option<String> {
        let known = [CONTAINER_RESTART_RULES, RESTART_ALL_CONTAINERS];
        let entries: Vec<String> =
            known.iter().filter_map(|gate| Some(format!("{gate}={}", self.boolean(gate)?))).collect();
        Some(entries.join(","))
    }

    /// Letting strangers in is nothing that this API does.
    pub(super) fn no_strangers(&mut self) -> Option<()> {
        if self.boolean("enabled") == Some(true) {
            self.wrong("enabled", &Value::Bool(true), "this API is never open to strangers: set it to false");
        }
        None
    }

    /// A field that is there and not null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn read<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let found = read(&value);
        if found.is_none() {
            self.wrong(name, &value, wanted);
        }
        found
    }

    /// Something about a field that is right but does not do all that it says.
    pub(super) fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!("{}{name}: {what}", self.prefix));
    }

    pub(super) fn wrong(&mut self, name: &str, value: &Value, wanted: &str) {
        self.problems.push(format!("{}{name}: Invalid value: {value}: {wanted}", self.prefix));
    }
}

fn header(name: &str, value: &str) -> Option<(String, String)> {
    let valid =
        hyper::header::HeaderName::try_from(name).is_ok() && hyper::header::HeaderValue::try_from(value).is_ok();
    valid.then(|| (name.to_owned(), value.to_owned()))
}
