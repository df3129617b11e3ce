//! Field selectors: `spec.nodeName=n,status.phase!=Failed`.

use crate::resources::Resource;
use crate::status::ApiError;

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

/// What some fields of an object must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    field: String,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// Reads a selector for objects of a resource; the empty text selects everything.
    ///
    /// # Errors
    /// 400 for a text that is none, and for a field that can't be selected.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, ApiError> {
        let mut requirements = Vec::new();
        for term in split(text, ',').into_iter().filter(|term| !term.is_empty()) {
            let requirement = requirement(&term).ok_or_else(|| {
                ApiError::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'"))
            })?;
            let field = requirement.field.as_str();
            let known = field == NAME
                || (field == NAMESPACE && resource.namespaced)
                || resource.selectable.iter().any(|selectable| selectable.path == field);
            if !known {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            requirements.push(requirement);
        }
        Ok(Self(requirements))
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that an object must have, if the selector says so.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.iter().find(|r| r.field == NAME && r.equal).map(|r| r.value.as_str())
    }

    /// A field with the value that it must have, if the selector says so: the one that fewest objects have.
    #[must_use]
    pub fn equality(&self) -> Option<(&str, &str)> {
        let equal = || self.0.iter().filter(|requirement| requirement.equal);
        let named = equal().find(|requirement| requirement.field == NAME);
        let found =
            named.or_else(|| equal().find(|requirement| requirement.field != NAMESPACE)).or_else(|| equal().next());
        found.map(|requirement| (requirement.field.as_str(), requirement.value.as_str()))
    }

    /// The namespace that an object must be in, if the selector says so.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.iter().find(|r| r.field == NAMESPACE && r.equal).map(|r| r.value.as_str())
    }

    /// Whether an object is so. `field` gives the value of a field other than name and namespace.
    pub fn matches<'a>(&self, namespace: &str, name: &str, field: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = match requirement.field.as_str() {
                NAME => name,
                NAMESPACE => namespace,
                other => field(other).unwrap_or_default(),
            };
            (value == requirement.value) == requirement.equal
        })
    }
}

/// The fields that must have a value, as a selector says that may be one of any resource; none if it is no selector. Authorization
/// has to read a selector exactly as a list does: what looks like a term may be a part of a value.
#[must_use]
pub fn equalities(text: &str) -> Vec<(String, String)> {
    let terms = split(text, ',').into_iter().filter(|term| !term.is_empty()).map(|term| requirement(&term));
    let all = terms.collect::<Option<Vec<_>>>().unwrap_or_default();
    all.into_iter()
        .filter(|requirement| requirement.equal)
        .map(|requirement| (requirement.field, requirement.value))
        .collect()
}

/// Parts between separators; a backslash takes the meaning from what follows it and stays.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut escaped) = (vec![String::new()], false);
    for character in text.chars() {
        if character == separator && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    parts
}

fn requirement(term: &str) -> Option<Requirement> {
    let (equal, at, length) = match (term.find("!="), term.find("=="), term.find('=')) {
        (Some(at), _, Some(first)) if at < first => (false, at, 2),
        (_, Some(at), Some(first)) if at == first => (true, at, 2),
        (_, _, Some(at)) => (true, at, 1),
        _ => return None,
    };
    let (field, value) = (&term[..at], &term[at + length..]);
    let value = unescaped(value)?;
    Some(Requirement { field: field.to_owned(), equal, value })
}

fn unescaped(value: &str) -> Option<String> {
    let (mut text, mut characters) = (String::new(), value.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                escaped @ ('\\' | ',' | '=') => text.push(escaped),
                _ => return None,
            },
            ',' | '=' => return None,
            other => text.push(other),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::find;

    #[test]
    fn what_is_a_part_of_a_value_is_no_term() {
        let shown = |text: &str| {
            let all = equalities(text).into_iter().map(|(field, value)| format!("{field} is {value}"));
            all.collect::<Vec<_>>().join("; ")
        };
        assert_eq!(shown("metadata.name=a,spec.nodeName==n,status.phase!=x"), "metadata.name is a; spec.nodeName is n");
        assert_eq!(shown(r"type!=x\,metadata.name=a"), "", "all of it is one value, and none that a field can have");
        assert_eq!(shown(r"type!=x\,metadata.name\=a"), "");
        assert_eq!(shown(r"type=x\,metadata.name\=a"), "type is x,metadata.name=a");
        assert_eq!(shown("metadata.name=a,nonsense"), "");
    }

    fn selects(selector: &str) -> bool {
        let selector = FieldSelector::parse(selector, find("", "v1", "pods").unwrap()).unwrap();
        selector.matches("ns", "p", |field| (field == "spec.nodeName").then_some("a,b"))
    }

    #[test]
    fn fields_are_compared_and_unset_ones_are_empty() {
        for selector in [
            "",
            "metadata.name=p",
            "metadata.namespace==ns",
            r"spec.nodeName=a\,b",
            "status.phase!=Failed",
            "status.phase=",
        ] {
            assert!(selects(selector), "{selector}");
        }
        assert!(!selects("metadata.name=p,status.phase=Running") && !selects("metadata.name!=p"));
    }

    #[test]
    fn unknown_fields_and_texts_that_are_no_selector_are_refused() {
        let parse = |text| FieldSelector::parse(text, find("", "v1", "pods").unwrap());
        let message = |text| parse(text).unwrap_err().status().message.clone().unwrap();
        assert_eq!(message("spec.foo=x"), "field label not supported: spec.foo");
        assert_eq!(message("metadata.name"), "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
        let nodes = FieldSelector::parse("metadata.namespace=x", find("", "v1", "nodes").unwrap());
        assert_eq!(nodes.unwrap_err().code(), 400);
    }
}
