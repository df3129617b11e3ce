//! Which events the API has already.

use std::collections::{HashMap, VecDeque};

use k8s_openapi::api::core::v1::Event;

/// As many as client libraries keep.
const MOST: usize = 4096;

/// Names of events, by what they say. The oldest is forgotten.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashMap<String, String>,
    order: VecDeque<String>,
}

/// What makes two events the same one.
pub(super) fn identity(event: &Event) -> String {
    let about = &event.involved_object;
    let parts =
        [&about.uid, &about.namespace, &about.name, &about.field_path, &event.type_, &event.reason, &event.message];
    parts.map(|part| part.as_deref().unwrap_or_default()).join("\u{0}")
}

impl Known {
    pub(super) fn name(&self, identity: &str) -> Option<&str> {
        self.names.get(identity).map(String::as_str)
    }

    pub(super) fn add(&mut self, identity: String, name: String) {
        if self.names.insert(identity.clone(), name).is_none() {
            self.order.push_back(identity);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.names.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut known = Known::default();
        (0..2 * MOST).for_each(|n| known.add(n.to_string(), format!("e{n}")));
        assert_eq!((known.names.len(), known.order.len()), (MOST, MOST));
        assert_eq!((known.name("0"), known.name(&(2 * MOST - 1).to_string())), (None, Some("e8191")));
    }
}
