//! The way in of ephemeral containers, which only a Pod that is there already can get.

use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};

use super::{Admitted, Policy, Rejection};
use crate::validation::Options;
use crate::{defaults, gated_fields, validation};

/// Adds `containers` to those that `old` has. One of a name that `old` has must be the same, and changes nothing, so that
/// this can be asked for again; with all of a Pod's it is the API's update of `pods/ephemeralcontainers`.
///
/// # Errors
/// The code and `Status` that the API server answers with.
pub fn admit_ephemeral(old: &Pod, containers: Vec<EphemeralContainer>, policy: &Policy) -> Result<Admitted, Rejection> {
    let mut given = Pod::default();
    given.spec.get_or_insert_default().ephemeral_containers = Some(containers);
    gated_fields::drop_disabled(&mut given, Some(old), policy.gates);
    defaults::set_defaults(&mut given);
    let given = given.spec.and_then(|spec| spec.ephemeral_containers).unwrap_or_default();

    let mut pod = old.clone();
    let list = pod.spec.get_or_insert_default().ephemeral_containers.get_or_insert_default();
    for container in given {
        match list.iter_mut().find(|known| known.name == container.name) {
            Some(known) => *known = container,
            None => list.push(container),
        }
    }
    let options = Options::for_update(policy.gates, policy.allow_privileged, old);
    let errors = validation::validate_ephemeral_update(&pod, old, &options);
    if errors.is_empty() { Ok(Admitted { pod, warnings: Vec::new() }) } else { Err(Rejection::invalid(&pod, errors)) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::super::{Fresh, admit};
    use super::*;
    use crate::gates::FeatureGates;
    use crate::manifest::decode_pod;

    fn policy() -> Policy {
        Policy { gates: FeatureGates::default(), allow_privileged: true }
    }

    fn pod() -> Pod {
        let text = "{metadata: {name: a}, spec: {containers: [{name: main, image: i}]}}";
        let fresh = Fresh { uid: "u".to_owned(), suffix: "bcd24".to_owned(), now: Timestamp::UNIX_EPOCH };
        admit(decode_pod(text), &policy(), fresh).unwrap().pod
    }

    fn add(old: &Pod, container: Value) -> Result<Pod, Vec<String>> {
        let containers = vec![serde_json::from_value(container).unwrap()];
        admit_ephemeral(old, containers, &policy()).map(|a| a.pod).map_err(|rejection| rejection.messages())
    }

    #[test]
    fn one_is_added_with_its_defaults_and_may_be_given_again() {
        let with = add(&pod(), json!({"name": "debug", "image": "i", "targetContainerName": "main"})).unwrap();
        let list = with.spec.clone().unwrap().ephemeral_containers.unwrap();
        assert_eq!(list[0].image_pull_policy.as_deref(), Some("Always"));
        assert_eq!(list[0].termination_message_path.as_deref(), Some("/dev/termination-log"));
        let again = json!({"name": "debug", "image": "i", "targetContainerName": "main"});
        assert_eq!(add(&with, again).unwrap(), with);
    }

    #[test]
    fn one_that_is_there_can_not_be_changed() {
        let with = add(&pod(), json!({"name": "debug", "image": "i"})).unwrap();
        let messages = add(&with, json!({"name": "debug", "image": "j"})).unwrap_err();
        assert_eq!(
            messages,
            ["spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debug\" may not be changed\n"]
        );
    }

    #[test]
    fn what_it_may_not_have_is_told_at_its_path() {
        let wrong = json!({"name": "main", "image": "i", "targetContainerName": "x", "lifecycle": {}});
        assert_eq!(
            add(&pod(), wrong).unwrap_err(),
            [
                "spec.ephemeralContainers[0].name: Duplicate value: \"main\"",
                "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\"",
                "spec.ephemeralContainers[0].lifecycle: Forbidden: cannot be set for an Ephemeral Container",
            ]
        );
    }
}
