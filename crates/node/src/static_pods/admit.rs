//! From a manifest's text to Pods that can be run.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use reprise_core::admission::{Admitted, Fresh, Policy, admit};
use reprise_core::manifest::{Decoded, Object, Origin, decode};
use reprise_core::static_pod::{Source, settle};
use reprise_core::unsupported;

use crate::config::NodeConfig;

/// The Pods of a manifest from `origin`, or all that is wrong with it.
pub(super) fn pods(text: &str, source: Source, origin: &str, config: &NodeConfig) -> Result<Vec<Pod>, Vec<String>> {
    let (mut pods, mut problems) = (Vec::new(), Vec::new());
    for document in decode(origin, text) {
        problems.extend(document.errors());
        match document.outcome {
            Ok(Object::Pod(decoded)) => match pod(*decoded, source, origin, config, &document.origin) {
                Ok(pod) => pods.push(pod),
                Err(wrong) => problems.extend(wrong),
            },
            Ok(Object::Other(object)) => {
                let place = &document.origin;
                problems.push(format!("{place}: {}: only Pods can be static: give it to `reprise run`", object.key()));
            }
            Err(_) => {}
        }
    }
    if pods.is_empty() && problems.is_empty() {
        problems.push(format!("{origin}: there is no Pod in it"));
    }
    if problems.is_empty() { Ok(pods) } else { Err(problems) }
}

fn pod(
    decoded: Decoded,
    source: Source,
    origin: &str,
    config: &NodeConfig,
    place: &Origin,
) -> Result<Pod, Vec<String>> {
    let Decoded { mut pod, warnings } = decoded;
    let now = Timestamp::now();
    let uid = settle(&mut pod, source, origin, &config.node_name, now);
    let policy = Policy { gates: config.gates, allow_privileged: true };
    let fresh = Fresh { uid, suffix: String::new(), now };
    let admitted = admit(Ok(Decoded { pod, warnings }), &policy, fresh);
    let placed = |message: &dyn std::fmt::Display| format!("{place}: {message}");
    let Admitted { pod, warnings } =
        admitted.map_err(|rejection| rejection.messages().iter().map(|message| placed(message)).collect::<Vec<_>>())?;
    let gaps = unsupported::find(&pod);
    if !gaps.errors.is_empty() {
        return Err(gaps.errors.iter().map(|gap| placed(gap)).collect());
    }
    let gaps = gaps.warnings.iter().map(ToString::to_string);
    warnings.into_iter().chain(gaps).for_each(|warning| tracing::warn!("{}", placed(&warning)));
    Ok(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(text: &str) -> Result<Vec<Pod>, Vec<String>> {
        pods(text, Source::File, "/p/a.yaml", &NodeConfig::new("/d", "/s"))
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n";

    #[test]
    fn a_manifest_s_pods_are_admitted_under_the_node_s_name() {
        let pods = admitted(&format!("{POD}---\n{}", POD.replace("name: a", "name: b"))).unwrap();
        let names: Vec<_> = pods.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect();
        assert_eq!(names, ["a-localhost", "b-localhost"]);
        assert_eq!(pods[0].spec.as_ref().unwrap().restart_policy.as_deref(), Some("Always"));
        assert_eq!(pods[0].metadata.uid.as_ref().map(String::len), Some(32));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let wrong = |text: &str| admitted(text).unwrap_err().join("\n");
        assert!(wrong("").contains("/p/a.yaml: there is no Pod in it"));
        assert!(wrong("a: [").starts_with("/p/a.yaml"));
        assert!(wrong(&POD.replace("{name: a}", "{generateName: a-}")).contains("metadata.name: Required value"));
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
        assert!(wrong(map).contains("only Pods can be static"));
    }
}
