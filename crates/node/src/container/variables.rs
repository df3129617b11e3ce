//! The variables of a container, each name once, in the order in which the names came first.

/// Names and values. A value out of a Secret may be any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    list: Vec<(String, Vec<u8>)>,
}

impl Variables {
    /// Gives `name` a value, in the place of the one it has.
    pub(crate) fn set(&mut self, name: &str, value: Vec<u8>) {
        match self.list.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.list.push((name.to_owned(), value)),
        }
    }

    /// The value as text, for use in another one.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let found = self.list.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

impl IntoIterator for Variables {
    type Item = (String, Vec<u8>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
