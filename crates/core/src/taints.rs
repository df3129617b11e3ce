//! Which taints of a node a Pod tolerates, and for how long.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::unset::text;

/// Whether the toleration is one for this taint.
#[must_use]
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let means = |asked: &Option<String>, has: &str| text(asked).is_empty() || text(asked) == has;
    let same_value = match text(&toleration.operator) {
        "" | "Equal" => text(&toleration.value) == text(&taint.value),
        "Exists" => true,
        _ => false,
    };
    // Without a key only `Exists` is valid: it means all taints.
    means(&toleration.effect, &taint.effect) && means(&toleration.key, &taint.key) && same_value
}

/// The first of the taints, among those with one of these effects, that no toleration is for.
#[must_use]
pub fn untolerated<'t>(tolerations: &[Toleration], taints: &'t [Taint], effects: &[&str]) -> Option<&'t Taint> {
    let counts = |taint: &&Taint| effects.contains(&taint.effect.as_str());
    taints.iter().filter(counts).find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// How long a Pod may stay on a node with such `NoExecute` taints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// As long as it likes.
    Forever,
    /// So many seconds after the taints were put there; 0 and less is not at all.
    Seconds(i64),
}

/// How long the `NoExecute` taints among these let the Pod stay: the shortest time of the tolerations that are for one.
#[must_use]
pub fn stay(tolerations: &[Toleration], taints: &[Taint]) -> Stay {
    let mut shortest: Option<i64> = None;
    for taint in taints.iter().filter(|taint| taint.effect == "NoExecute") {
        let mut own = tolerations.iter().filter(|toleration| tolerates(toleration, taint)).peekable();
        if own.peek().is_none() {
            return Stay::Seconds(0);
        }
        let limit = own.filter_map(|toleration| toleration.toleration_seconds).min();
        shortest = [shortest, limit].into_iter().flatten().min();
    }
    shortest.map_or(Stay::Forever, |seconds| Stay::Seconds(seconds.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        serde_json::from_value(json!({"key": key, "value": value, "effect": effect})).unwrap()
    }

    fn toleration(fields: serde_json::Value) -> Toleration {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn key_value_and_effect_must_agree_where_they_are_set() {
        let taint = taint("gpu", "a", "NoSchedule");
        let is = |fields: serde_json::Value| tolerates(&toleration(fields), &taint);
        assert!(is(json!({"operator": "Exists"})) && is(json!({"key": "gpu", "operator": "Exists"})));
        assert!(is(json!({"key": "gpu", "value": "a"})) && !is(json!({"key": "gpu", "value": "b"})));
        assert!(is(json!({"key": "gpu", "value": "a", "effect": "NoSchedule"})));
        assert!(!is(json!({"key": "gpu", "value": "a", "effect": "NoExecute"})));
        assert!(!is(json!({"key": "other", "operator": "Exists"})));
    }

    #[test]
    fn the_shortest_time_counts_and_an_untolerated_taint_lets_nothing_stay() {
        let taints = [taint("a", "", "NoExecute"), taint("b", "", "NoExecute"), taint("c", "", "NoSchedule")];
        let for_ever = toleration(json!({"key": "a", "operator": "Exists"}));
        let some = |key: &str, seconds: i64| {
            toleration(json!({"key": key, "operator": "Exists", "tolerationSeconds": seconds}))
        };
        assert_eq!(stay(&[], &[]), Stay::Forever);
        assert_eq!(stay(&[], &taints[2..]), Stay::Forever);
        assert_eq!(stay(std::slice::from_ref(&for_ever), &taints), Stay::Seconds(0));
        assert_eq!(stay(&[for_ever.clone(), some("b", 300)], &taints), Stay::Seconds(300));
        assert_eq!(stay(&[some("a", 60), some("b", 300)], &taints), Stay::Seconds(60));
        assert_eq!(stay(&[for_ever], &taints[..1]), Stay::Forever);
    }
}
