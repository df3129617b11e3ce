//! Manifests to admitted Pods and what they refer to: everything is decoded and checked before anything is started.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::admission::{Admitted, Fresh, Policy, Rejection, SUFFIX_LENGTH, SUFFIX_LETTERS, admit};
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::{Decoded, Document, Object, Origin, decode};
use reprise_core::objects::{ApiObject, ObjectKey, admit_object};
use reprise_core::unsupported::{self, Unsupported};
use reprise_node::PodKey;
use uuid::Uuid;

use crate::failure::BadInput;
use crate::manifests::Source;

/// What is in manifests.
#[derive(Debug, Default)]
pub struct Input {
    /// The Pods.
    pub pods: Vec<Pod>,
    /// What they refer to, in no order that matters.
    pub objects: Vec<ApiObject>,
    /// What their author should know, one message each.
    pub warnings: Vec<String>,
}

/// Decodes and checks all sources.
///
/// # Errors
/// All that is wrong with all of them, each with file, document, field path and value.
pub fn admit_all(sources: &[Source], gates: FeatureGates) -> Result<Input, BadInput> {
    let mut reader = Reader::new(Policy { gates, allow_privileged: true });
    for source in sources {
        decode(&source.name, &source.text).into_iter().for_each(|document| reader.take(document));
    }
    let Reader { input, mut errors, .. } = reader;
    if input.pods.is_empty() && errors.is_empty() {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        errors.push(format!("{}: there is no Pod in it", names.join(", ")));
    }
    if errors.is_empty() { Ok(input) } else { Err(BadInput::all(errors)) }
}

struct Reader {
    policy: Policy,
    input: Input,
    pods: BTreeMap<PodKey, Origin>,
    objects: BTreeMap<ObjectKey, Origin>,
    errors: Vec<String>,
}

impl Reader {
    fn new(policy: Policy) -> Self {
        let input = Input { pods: Vec::new(), objects: Vec::new(), warnings: Vec::new() };
        Self { policy, input, pods: BTreeMap::new(), objects: BTreeMap::new(), errors: Vec::new() }
    }

    fn take(&mut self, document: Document) {
        let messages = document.errors();
        let admitted = match document.outcome {
            Ok(Object::Pod(pod)) => self.pod(*pod, &document.origin),
            Ok(Object::Other(object)) => self.object(*object, &document.origin),
            // Problems of the text have their place in it, which the API server's answer has not.
            Err(_) => return self.errors.extend(messages),
        };
        if let Err(rejection) = admitted {
            let messages = rejection.messages();
            self.errors.extend(messages.iter().map(|message| format!("{}: {message}", document.origin)));
        }
    }

    fn pod(&mut self, mut decoded: Decoded, origin: &Origin) -> Result<(), Rejection> {
        decoded.pod.metadata.namespace.get_or_insert_with(|| "default".to_owned());
        let Admitted { pod, warnings } = admit(Ok(decoded), &self.policy, fresh())?;
        self.input.warnings.extend(warnings.iter().map(|warning| format!("{origin}: {warning}")));
        self.note(unsupported::find(&pod), origin);
        let key = PodKey::of(&pod);
        if let Some(first) = self.pods.get(&key) {
            self.errors.push(format!("{origin}: metadata.name: Duplicate value: \"{key}\": it is the Pod of {first}"));
        } else {
            self.pods.insert(key, origin.clone());
            self.input.pods.push(pod);
        }
        Ok(())
    }

    fn object(&mut self, object: ApiObject, origin: &Origin) -> Result<(), Rejection> {
        let object = admit_object(Ok(object), &fresh())?;
        self.note(unsupported::find_in_object(&object), origin);
        let key = object.key();
        if let Some(first) = self.objects.get(&key) {
            self.errors.push(format!("{origin}: metadata.name: Duplicate value: {key} is in {first} already"));
        } else {
            self.objects.insert(key, origin.clone());
            self.input.objects.push(object);
        }
        Ok(())
    }

    fn note(&mut self, gaps: Unsupported, origin: &Origin) {
        self.errors.extend(gaps.errors.iter().map(|gap| format!("{origin}: {gap}")));
        self.input.warnings.extend(gaps.warnings.iter().map(|gap| format!("{origin}: {gap}")));
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
        let Input { pods, warnings, .. } = admit_all(&source(POD), FeatureGates::default()).unwrap();
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
    fn what_pods_refer_to_comes_from_the_same_manifests_in_any_order() {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
        let input = admit_all(&source(&format!("{map}---\n{POD}")), FeatureGates::default()).unwrap();
        assert_eq!((input.pods.len(), input.objects[0].key().to_string().as_str()), (1, "ConfigMap default/m"));
        let twice = admit_all(&source(&format!("{map}---\n{POD}---\n{map}")), FeatureGates::default());
        assert_eq!(
            twice.unwrap_err().to_string(),
            "pods.yaml: document 3: metadata.name: Duplicate value: ConfigMap default/m is in pods.yaml: document 1 already"
        );
    }

    #[test]
    fn input_without_pods_is_told() {
        let message = admit_all(&source("# nothing\n"), FeatureGates::default()).unwrap_err().to_string();
        assert_eq!(message, "pods.yaml: there is no Pod in it");
    }

    #[test]
    fn the_announcement_s_manifest_gets_a_warning_for_its_old_spelling() {
        let manifest = include_str!("../../../../examples/ml-worker.yaml");
        let Input { pods, warnings, .. } = admit_all(&source(manifest), FeatureGates::default()).unwrap();
        assert_eq!(pods.len(), 1);
        assert!(warnings[0].contains("onExit"), "{warnings:?}");
    }
}
