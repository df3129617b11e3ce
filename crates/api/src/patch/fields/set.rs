//! A set of fields as a tree.

use std::collections::BTreeMap;

use super::Element;

/// A set of fields. A field may be in it without what is below, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    pub(super) nodes: BTreeMap<Element, Node>,
}

/// What is known of one element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// Whether the element itself is in the set.
    pub member: bool,
    /// What is in the set below it.
    pub below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.values().all(Node::is_empty)
    }

    /// Puts the field at `path` in. The object as a whole (an empty path) is never in a set.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else { return };
        // Most of a path is there already: it is copied only once.
        let node = match self.nodes.get_mut(first) {
            Some(node) => node,
            None => self.nodes.entry(first.clone()).or_default(),
        };
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Whether the element itself is in it.
    #[must_use]
    pub fn has(&self, element: &Element) -> bool {
        self.nodes.get(element).is_some_and(|node| node.member)
    }

    /// What is in it below an element; none if that is nothing.
    #[must_use]
    pub fn below(&self, element: &Element) -> Option<&FieldSet> {
        self.nodes.get(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// What is in this one, in the other, or in both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for (element, node) in &other.nodes {
            let into = union.nodes.entry(element.clone()).or_default();
            into.member |= node.member;
            into.below = into.below.union(&node.below);
        }
        union
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|element, node| {
            let of_other = other.nodes.get(element)?;
            Some(Node { member: node.member && of_other.member, below: node.below.intersection(&of_other.below) })
        })
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filtered(|element, node| {
            let Some(of_other) = other.nodes.get(element) else { return Some(node.clone()) };
            Some(Node { member: node.member && !of_other.member, below: node.below.difference(&of_other.below) })
        })
    }

    /// Takes out what is in the other: the same as [`Self::difference`], at the price of what the other has.
    pub fn subtract(&mut self, other: &Self) {
        for (element, gone) in &other.nodes {
            let Some(node) = self.nodes.get_mut(element) else { continue };
            node.member &= !gone.member;
            node.below.subtract(&gone.below);
            if node.is_empty() {
                self.nodes.remove(element);
            }
        }
    }

    /// Takes out what is in the other, and all below that.
    pub fn subtract_with_all_below(&mut self, other: &Self) {
        for (element, gone) in &other.nodes {
            let Some(node) = self.nodes.get_mut(element) else { continue };
            if !gone.member {
                node.below.subtract_with_all_below(&gone.below);
            }
            if gone.member || node.is_empty() {
                self.nodes.remove(element);
            }
        }
    }

    /// Whether all that is in it is in the other as well.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.nodes.iter().all(|(element, node)| match other.nodes.get(element) {
            Some(of_other) => (!node.member || of_other.member) && node.below.is_within(&of_other.below),
            None => node.is_empty(),
        })
    }

    /// Without the fields of these names at the top, and all below them.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        self.filtered(|element, node| {
            let named = element.name().is_some_and(|name| names.contains(&name));
            (!named).then(|| node.clone())
        })
    }

    /// With every named field in it that something below is in it of.
    #[must_use]
    pub fn with_parents(&self) -> Self {
        let nodes = self.nodes.iter().map(|(element, node)| {
            let member = node.member || (element.name().is_some() && !node.below.is_empty());
            (element.clone(), Node { member, below: node.below.with_parents() })
        });
        Self { nodes: nodes.collect() }
    }

    /// All paths of what is in it, as messages show them: what is in it at a level comes before what is below.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.nodes.iter().filter(|(_, node)| node.member);
        paths.extend(members.map(|(element, _)| format!("{prefix}{element}")));
        for (element, node) in &self.nodes {
            node.below.collect_paths(&format!("{prefix}{element}"), paths);
        }
    }

    fn filtered(&self, keep: impl Fn(&Element, &Node) -> Option<Node>) -> Self {
        let kept = self.nodes.iter().filter_map(|(element, node)| {
            let node = keep(element, node).filter(|node| !node.is_empty())?;
            Some((element.clone(), node))
        });
        Self { nodes: kept.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&[&str]]) -> FieldSet {
        let mut set = FieldSet::default();
        for path in paths {
            let path: Vec<Element> = path.iter().map(|name| Element::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    #[test]
    fn a_field_and_what_is_below_it_are_apart() {
        let both = set(&[&["a"], &["a", "b"], &["c"]]);
        assert_eq!(both.difference(&set(&[&["a"]])), set(&[&["a", "b"], &["c"]]));
        assert_eq!(both.intersection(&set(&[&["a", "b"], &["d"]])), set(&[&["a", "b"]]));
        assert_eq!(both.union(&set(&[&["d"]])), set(&[&["a"], &["a", "b"], &["c"], &["d"]]));
        assert_eq!(both.without(&["a"]), set(&[&["c"]]));
        assert_eq!(both.paths(), [".a", ".c", ".a.b"]);
        assert!(both.difference(&both).is_empty());
        assert!(set(&[&["a", "b"]]).is_within(&both) && !both.is_within(&set(&[&["a"], &["c"]])));
        assert!(!set(&[&["a", "x"]]).is_within(&both) && !set(&[&["d"]]).is_within(&both));
    }

    #[test]
    fn what_is_below_goes_with_what_is_taken_out() {
        let mut left = set(&[&["a"], &["a", "b"], &["c", "d"], &["c", "e", "f"]]);
        left.subtract_with_all_below(&set(&[&["a"], &["c", "e"], &["x"]]));
        assert_eq!(left, set(&[&["c", "d"]]));
    }

    #[test]
    fn taking_out_leaves_the_difference() {
        let sets = [set(&[]), set(&[&["a"]]), set(&[&["a", "b"], &["c"]]), set(&[&["a"], &["a", "b"], &["d", "e"]])];
        for one in &sets {
            for other in &sets {
                let mut left = one.clone();
                left.subtract(other);
                assert_eq!(left, one.difference(other));
            }
        }
    }

    #[test]
    fn parents_are_added() {
        assert_eq!(set(&[&["a", "b", "c"]]).with_parents(), set(&[&["a"], &["a", "b"], &["a", "b", "c"]]));
    }
}
