//! What must hold for every manifest, not only for those that somebody thought of.

use jiff::Timestamp;
use proptest::prelude::*;
use reprise_core::admission::{Fresh, Policy, admit, admit_update};
use reprise_core::defaults::set_defaults;
use reprise_core::gates::FeatureGates;
use reprise_core::manifest::{Decoded, Object, decode, decode_pod};
use reprise_core::objects::admit_object;
use reprise_core::quantity::Quantity;
use reprise_core::unsupported;

const CASES: &str = include_str!("data/pod-validation.json");

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: x}, annotations: {reprise.dev/restart-backoff: 1s..5m}}
spec:
  restartPolicy: Never
  volumes: [{name: w}, {name: h, hostPath: {path: /tmp}}]
  initContainers:
  - name: side
    image: r:5000/b:1
    restartPolicy: Always
    restartPolicyRules: [{action: RestartAllContainers, onExit: {exitCodes: {operator: In, values: [88]}}}]
  containers:
  - name: main
    image: b
    ports: [{containerPort: 80, name: http}]
    env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    resources: {limits: {cpu: 500m, memory: 1Gi}}
    volumeMounts: [{name: w, mountPath: /w}]
    livenessProbe: {httpGet: {port: http}}
    securityContext: {runAsUser: 0, allowPrivilegeEscalation: false}
";

const POLICY: Policy = Policy {
    gates: FeatureGates {
        container_restart_rules: true,
        restart_all_containers_on_container_exits: true,
        resource_health_status: true,
    },
    allow_privileged: true,
};

fn fresh() -> Fresh {
    Fresh { uid: "u".to_owned(), suffix: "bcdfg".to_owned(), now: Timestamp::UNIX_EPOCH }
}

/// What is special to a reader somewhere.
const PIECES: [&str; 17] = [
    "",
    "null",
    "-1",
    "[]",
    "{}",
    "\"\"",
    "x: 1",
    ": ",
    "- ",
    "&a ",
    "*a",
    "\u{0}",
    "<<: ",
    "'",
    "99999999999999999999",
    "~",
    "\n",
];

/// A manifest with a few pieces cut out, doubled, or replaced by something that is special somewhere.
fn damaged() -> impl Strategy<Value = String> {
    let edit = (0..POD.len(), 0..40_usize, proptest::sample::select(&PIECES[..]));
    proptest::collection::vec(edit, 1..4).prop_map(|edits| {
        let mut text = POD.to_owned();
        for (at, length, piece) in edits {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.replace_range(at..end, piece);
        }
        text
    })
}

/// Every way in ends in a Pod or in messages.
fn must_not_panic(text: &str) {
    for document in decode("f", text) {
        let messages = document.errors();
        assert_eq!(messages.is_empty(), document.outcome.is_ok());
        assert!(messages.iter().all(|message| message.starts_with("f: document ")), "{messages:?}");
        let outcome = match document.outcome {
            Ok(Object::Pod(pod)) => Ok(*pod),
            Ok(Object::Other(object)) => {
                // What they are let in or refused with is told in any case.
                drop(admit_object(Ok(*object), &fresh()));
                continue;
            }
            Err(error) => Err(error),
        };
        match admit(outcome, &POLICY, fresh()) {
            Ok(admitted) => drop(unsupported::find(&admitted.pod)),
            Err(rejection) => assert!(!rejection.messages().is_empty()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_manifests_end_in_messages(text in damaged()) {
        must_not_panic(&text);
    }

    #[test]
    fn any_text_ends_in_messages(text in ".{0,200}") {
        must_not_panic(&text);
    }

    #[test]
    fn the_canonical_form_of_a_quantity_is_the_same_quantity(
        number in "[+-]?[0-9]{1,20}(\\.[0-9]{0,9})?",
        suffix in proptest::sample::select(&["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-2"][..]),
    ) {
        let quantity: Quantity = format!("{number}{suffix}").parse().unwrap();
        let canonical = quantity.to_string();
        prop_assert_eq!(canonical.parse::<Quantity>().unwrap(), quantity);
        prop_assert_eq!(canonical.parse::<Quantity>().unwrap().to_string(), canonical);
    }
}

/// A stored Pod is what it is: reading it back, and defaulting it again, changes nothing.
#[test]
fn an_admitted_pod_may_come_in_again_unchanged() {
    let cases: Vec<serde_json::Value> = serde_json::from_str(CASES).unwrap();
    let mut texts: Vec<String> =
        cases.iter().filter(|case| case["code"] == 201).map(|case| case["pod"].to_string()).collect();
    texts.push(POD.to_owned());
    for text in texts {
        let admitted = admit(decode_pod(&text), &POLICY, fresh());
        // Some recorded Pods are right only with a gate off.
        let Ok(admitted) = admitted else { continue };
        let stored = serde_json::to_string(&admitted.pod).unwrap();
        let read = decode_pod(&stored).unwrap();
        assert_eq!(read.pod, admitted.pod);
        let mut again = read.pod.clone();
        set_defaults(&mut again);
        assert_eq!(again, admitted.pod);
        let decoded = Decoded { pod: read.pod, warnings: Vec::new() };
        assert_eq!(admit_update(Ok(decoded), &admitted.pod, &POLICY).unwrap().pod, admitted.pod);
    }
}
