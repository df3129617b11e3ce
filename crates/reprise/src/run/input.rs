//! Manifests to admitted Pods: everything is decoded and checked before anything is started.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::admission::{Admitted, Fresh, Policy, SUFFIX_LENGTH, SUFFIX_LETTERS, admit};
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::{Document, Origin, decode};
use reprise_core::unsupported;
use reprise_node::PodKey;
use uuid::Uuid;

use crate::failure::BadInput;
use crate::manifests::Source;

/// Decodes and checks all sources. Gives the Pods and the warnings about them, one message each.
///
/// # Errors
/// All that is wrong with all of them, each with file, document, field path and value.
pub fn admit_all(sources: &[Source], gates: FeatureGates) -> Result<(Vec<Pod>, Vec<String>), BadInput> {
    let mut input = Input { policy: Policy { gates, allow_privileged: true }, ..Input::default() };
    for source in sources {
        decode(&source.name, &source.text).into_iter().for_each(|document| input.take(document));
    }
    if input.pods.is_empty() && input.errors.is_empty() {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        input.errors.push(format!("{}: there is no Pod in it", names.join(", ")));
    }
    if input.errors.is_empty() { Ok((input.pods, input.warnings)) } else { Err(BadInput::all(input.errors)) }
}

struct Input {
    policy: Policy,
    pods: Vec<Pod>,
    origins: BTreeMap<PodKey, Origin>,
    warnings: Vec<String>,
    errors: Vec<String>,
}

impl Default for Input {
    fn default() -> Self {
        let policy = Policy { gates: FeatureGates::default(), allow_privileged: true };
        Self { policy, pods: Vec::new(), origins: BTreeMap::new(), warnings: Vec::new(), errors: Vec::new() }
    }
}

impl Input {
    fn take(&mut self, document: Document) {
        // Problems of the text have their place in it, which the API server's answer has not.
        if document.outcome.is_err() {
            self.errors.extend(document.errors());
            return;
        }
        let origin = document.origin;
        let mut outcome = document.outcome;
        if let Ok(decoded) = &mut outcome {
            decoded.pod.metadata.namespace.get_or_insert_with(|| "default".to_owned());
        }
        match admit(outcome, &self.policy, fresh()) {
            Ok(admitted) => self.let_in(admitted, origin),
            Err(rejection) => {
                let messages = rejection.messages();
                self.errors.extend(messages.iter().map(|message| format!("{origin}: {message}")));
            }
        }
    }

    fn let_in(&mut self, Admitted { pod, warnings }: Admitted, origin: Origin) {
        self.warnings.extend(warnings.iter().map(|warning| format!("{origin}: {warning}")));
        let gaps = unsupported::find(&pod);
        self.errors.extend(gaps.errors.iter().map(|gap| format!("{origin}: {gap}")));
        self.warnings.extend(gaps.warnings.iter().map(|gap| format!("{origin}: {gap}")));
        let key = PodKey::of(&pod);
        if let Some(first) = self.origins.get(&key) {
            self.errors.push(format!("{origin}: metadata.name: Duplicate value: \"{key}\": it is the Pod of {first}"));
        } else {
            self.origins.insert(key, origin);
            self.pods.push(pod);
        }
    }
}

fn fresh() -> Fresh {
    let uid = Uuid::new_v4();
    // The UID is seen by everybody: the letters of a name come from chance of their own.
    let chance = Uuid::new_v4();
    let letters = chance.as_bytes().iter().take(SUFFIX_LENGTH);
    let suffix = letters.map(|byte| char::from(SUFFIX_LETTERS[usize::from(*byte) % SUFFIX_LETTERS.len()])).collect();
    Fresh { uid: uid.to_string(), suffix, now: Timestamp::now() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> [Source; 1] {
        [Source { name: "pods.yaml".to_owned(), text: text.to_owned() }]
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n";

    #[test]
    fn pods_get_a_namespace_and_a_uid() {
        let (pods, warnings) = admit_all(&source(POD), FeatureGates::default()).unwrap();
        assert_eq!(PodKey::of(&pods[0]).to_string(), "default/a");
        assert!(pods[0].metadata.uid.is_some() && warnings.is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let text =
            format!("{POD}---\n{POD}---\n{}", POD.replace("name: a", "name: A_B").replace("image: i", "image: ''"));
        let message = admit_all(&source(&text), FeatureGates::default()).unwrap_err().to_string();
        let lines: Vec<&str> = message.lines().collect();
        let duplicate = "pods.yaml: document 2: metadata.name: Duplicate value: \"default/a\": it is the Pod of pods.yaml: document 1";
        assert_eq!(lines[0], duplicate);
        assert!(lines[1].starts_with("pods.yaml: document 3: metadata.name: Invalid value: \"A_B\""), "{message}");
        assert!(lines[2].starts_with("pods.yaml: document 3: spec.containers[0].image: Required value"), "{message}");
    }

    #[test]
    fn input_without_pods_is_told() {
        let message = admit_all(&source("# nothing\n"), FeatureGates::default()).unwrap_err().to_string();
        assert_eq!(message, "pods.yaml: there is no Pod in it");
    }

    #[test]
    fn the_announcement_s_manifest_gets_a_warning_for_its_old_spelling() {
        let manifest = include_str!("../../../../examples/ml-worker.yaml");
        let (pods, warnings) = admit_all(&source(manifest), FeatureGates::default()).unwrap();
        assert_eq!(pods.len(), 1);
        assert!(warnings[0].contains("onExit"), "{warnings:?}");
    }
}
