//! Names that are being given: two calls at once must not make the same thing twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use reprise_cri::v1::{ContainerMetadata, PodSandboxMetadata};

/// The names that calls under way have taken.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<BTreeSet<String>>>);

/// A name that nobody else can take while this value lives.
#[derive(Debug)]
pub struct Taken {
    names: Names,
    name: String,
}

impl Names {
    /// Takes `name`; none if a call under way has it.
    pub fn take(&self, name: String) -> Option<Taken> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        new.then(|| Taken { names: self.clone(), name })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.names.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// What is unique among sandboxes.
pub fn of_sandbox(metadata: &PodSandboxMetadata) -> String {
    format!("{}_{}_{}_{}", metadata.namespace, metadata.name, metadata.uid, metadata.attempt)
}

/// What is unique among containers.
pub fn of_container(sandbox: &str, metadata: &ContainerMetadata) -> String {
    format!("{sandbox}_{}_{}", metadata.name, metadata.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_again_when_the_call_is_over() {
        let names = Names::default();
        let first = names.take("a".to_owned());
        assert!(first.is_some() && names.take("a".to_owned()).is_none() && names.take("b".to_owned()).is_some());
        drop(first);
        assert!(names.take("a".to_owned()).is_some());
    }
}
