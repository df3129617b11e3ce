//! Random Pods: up to three init containers and sidecars, up to three regular ones, random policies and rules.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::dice::Dice;

/// The exit codes that containers end with. Rules use the same ones, so that they match often.
pub const CODES: [i32; 4] = [0, 1, 42, 88];

pub fn random(dice: &mut Dice) -> Pod {
    let init: Vec<Value> = (0..dice.below(4)).map(|i| container(dice, &format!("init-{i}"), true)).collect();
    let regular: Vec<Value> = (0..=dice.below(3)).map(|i| container(dice, &format!("main-{i}"), false)).collect();
    let mut spec = json!({
        "restartPolicy": dice.pick(&["Always", "OnFailure", "Never"]),
        "terminationGracePeriodSeconds": dice.below(20),
        "initContainers": init,
        "containers": regular,
    });
    if dice.chance(10) {
        spec["activeDeadlineSeconds"] = json!(dice.below(900) + 1);
    }
    if dice.chance(20) {
        spec["ephemeralContainers"] = json!([{"name": "debug", "image": "img"}]);
    }
    let mut annotations = json!({});
    if dice.chance(30) {
        annotations["reprise.dev/restart-backoff"] = json!(dice.pick(&["none", "1s..5s", "10s..300s"]));
    }
    if dice.chance(15) {
        annotations["reprise.dev/restart-grace-period"] = json!("2s");
    }
    serde_json::from_value(json!({"metadata": {"name": "p", "annotations": annotations}, "spec": spec})).unwrap()
}

fn container(dice: &mut Dice, name: &str, init: bool) -> Value {
    let mut c = json!({"name": name, "image": "img", "imagePullPolicy": dice.pick(&["Always", "IfNotPresent"])});
    if init && dice.chance(40) {
        c["restartPolicy"] = json!("Always");
    } else if dice.chance(40) {
        c["restartPolicy"] =
            json!(if init { dice.pick(&["OnFailure", "Never"]) } else { dice.pick(&["Always", "OnFailure", "Never"]) });
    }
    if dice.chance(5) {
        c["resources"] = json!({"limits": {"example.com/gpu": "1"}});
    }
    if !init || c["restartPolicy"] == "Always" {
        health(dice, &mut c);
    }
    if dice.chance(60) {
        let fallback = json!(dice.pick(&["OnFailure", "Never"]));
        c["restartPolicy"] = c.get("restartPolicy").cloned().unwrap_or(fallback);
        let rules: Vec<Value> = (0..=dice.below(2)).map(|_| rule(dice)).collect();
        c["restartPolicyRules"] = json!(rules);
    }
    c
}

/// Probes and hooks, for containers that may have them.
fn health(dice: &mut Dice, c: &mut Value) {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        if dice.chance(15) {
            c[probe] = json!({"tcpSocket": {"port": 1}});
        }
    }
    let hook = json!({"sleep": {"seconds": 1}});
    if dice.chance(15) {
        c["lifecycle"] = json!({"postStart": hook});
    }
    if dice.chance(15) {
        c["lifecycle"]["preStop"] = hook;
    }
}

fn rule(dice: &mut Dice) -> Value {
    let values: Vec<i32> = (0..dice.below(3)).map(|_| dice.pick(&CODES)).collect();
    json!({
        "action": dice.pick(&["RestartAllContainers", "RestartAllContainers", "Restart"]),
        "exitCodes": {"operator": dice.pick(&["In", "In", "In", "NotIn"]), "values": values},
    })
}
