//! Completion indexes, written as Kubernetes does: `1,3-5,7`.

use std::collections::BTreeSet;
use std::fmt;

/// A set of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct IndexSet(BTreeSet<i32>);

impl IndexSet {
    /// Reads one; what is not below `completions` is left out, as is what can't be read.
    pub(super) fn parse(text: &str, completions: i32) -> Self {
        let mut indexes = BTreeSet::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) {
                indexes.extend(first.max(0)..=last.min(completions.saturating_sub(1)));
            }
        }
        Self(indexes)
    }

    pub(super) fn contains(&self, index: i32) -> bool {
        self.0.contains(&index)
    }

    pub(super) fn insert(&mut self, index: i32) {
        self.0.insert(index);
    }

    pub(super) fn count(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = i32> {
        self.0.iter().copied()
    }
}

impl FromIterator<i32> for IndexSet {
    fn from_iter<I: IntoIterator<Item = i32>>(indexes: I) -> Self {
        Self(indexes.into_iter().collect())
    }
}

impl fmt::Display for IndexSet {
    /// Two in a row are `1,2`, more are `1-3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(i32, i32)> = Vec::new();
        for index in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == index => *last = index,
                _ => ranges.push((index, index)),
            }
        }
        for (i, (first, last)) in ranges.into_iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match last - first {
                0 => write!(f, "{first}")?,
                1 => write!(f, "{first},{last}")?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_kubernetes_does_and_read_again() {
        for text in ["", "0", "0,1", "0-2", "1,3-5,7", "0,2,4,5,7-9"] {
            assert_eq!(IndexSet::parse(text, 10).to_string(), text);
        }
        assert_eq!(IndexSet::parse("0,3-9", 5).to_string(), "0,3,4");
        assert_eq!(IndexSet::parse("x,1", 5).to_string(), "1");
    }
}
