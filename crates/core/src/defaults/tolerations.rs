//! The tolerations that admission gives to every Pod: it stays five minutes on a node that is lost.

use k8s_openapi::api::core::v1::{PodSpec, Toleration};

use crate::unset::{list, text};

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: i64 = 300;

pub(super) fn set_defaults(spec: &mut PodSpec) {
    let missing = TAINTS.iter().filter(|taint| !list(&spec.tolerations).iter().any(|own| tolerates(own, taint)));
    let missing: Vec<Toleration> = missing.map(|taint| toleration(taint)).collect();
    if !missing.is_empty() {
        spec.tolerations.get_or_insert_default().extend(missing);
    }
}

fn tolerates(toleration: &Toleration, taint: &str) -> bool {
    ["", taint].contains(&text(&toleration.key)) && ["", "NoExecute"].contains(&text(&toleration.effect))
}

fn toleration(taint: &str) -> Toleration {
    Toleration {
        key: Some(taint.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(SECONDS),
        value: None,
    }
}
