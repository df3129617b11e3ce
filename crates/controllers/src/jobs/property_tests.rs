//! Random Jobs whose Pods end at random, with a controller that dies between any two of its writes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::simulation::{End, Simulation, writes};

#[derive(Debug, Clone)]
enum Step {
    /// The controller decides and dies after so many writes.
    Decide {
        writes: usize,
    },
    /// A Pod ends.
    End {
        pod: usize,
        code: i32,
    },
    /// Somebody deletes a Pod.
    Delete {
        pod: usize,
    },
    /// Somebody suspends the Job, or lets it go on.
    Suspend {
        suspend: bool,
    },
    Pass {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12_usize).prop_map(|writes| Step::Decide { writes }),
        4 => (0..8_usize, prop::sample::select(vec![0, 0, 1, 3, 42])).prop_map(|(pod, code)| Step::End { pod, code }),
        1 => (0..8_usize).prop_map(|pod| Step::Delete { pod }),
        1 => any::<bool>().prop_map(|suspend| Step::Suspend { suspend }),
        2 => (0..40_i64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

fn spec() -> impl Strategy<Value = Value> {
    let limits = (0..6_i32, prop::option::of(0..3_i32), prop::option::of(0..3_i32));
    let policies = (any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (1..4_i32, prop::option::of(0..5_i32), any::<bool>());
    (numbers, limits, policies).prop_map(|((parallelism, completions, indexed), limits, policies)| {
        let (backoff, per_index, most_failed) = limits;
        let (only_failed, failure_policy, success_policy) = policies;
        let mut spec = json!({"parallelism": parallelism, "completions": completions, "backoffLimit": backoff});
        if only_failed {
            spec["podReplacementPolicy"] = json!("Failed");
        }
        if failure_policy {
            spec["podFailurePolicy"] = json!({"rules": [
                {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]});
        }
        if indexed && completions.is_some() {
            spec["completionMode"] = json!("Indexed");
            if let Some(limit) = per_index {
                spec["backoffLimitPerIndex"] = json!(limit);
                spec["maxFailedIndexes"] = json!(most_failed);
            }
            if success_policy {
                spec["successPolicy"] = json!({"rules": [{"succeededCount": 2}]});
            }
        }
        spec
    })
}

fn run(simulation: &mut Simulation, step: &Step) {
    let nth = |simulation: &Simulation, n: usize| {
        let alive = simulation.alive();
        (!alive.is_empty()).then(|| alive[n % alive.len()].clone())
    };
    match step {
        Step::Decide { writes: count } => {
            for write in writes(simulation.decide()).into_iter().take(*count) {
                simulation.apply(write);
            }
        }
        Step::End { pod, code } => {
            if let Some(name) = nth(simulation, *pod) {
                simulation.end(&name, *code);
            }
        }
        Step::Delete { pod } => {
            if let Some(name) = nth(simulation, *pod) {
                simulation.delete(&name);
            }
        }
        Step::Suspend { suspend } => simulation.job.spec.as_mut().unwrap().suspend = Some(*suspend),
        Step::Pass { seconds } => simulation.pass(*seconds),
    }
}

/// From now on all Pods succeed and nobody interferes.
fn finish(simulation: &mut Simulation) -> Result<(), TestCaseError> {
    simulation.job.spec.as_mut().unwrap().suspend = Some(false);
    for _ in 0..60 {
        simulation.settle();
        if simulation.is_finished() {
            return Ok(());
        }
        for name in simulation.alive() {
            simulation.end(&name, 0);
        }
        simulation.pass(600);
    }
    prop_assert!(false, "it does not end: {} {:?}", simulation.status(), simulation.decide());
    Ok(())
}

fn ended(simulation: &Simulation, end: End) -> i64 {
    i64::try_from(simulation.ends.values().filter(|own| **own == end).count()).unwrap()
}

fn number(status: &Value, field: &str) -> i64 {
    status[field].as_i64().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_job_comes_to_an_end_and_all_its_pods_are_let_go(
        spec in spec(), steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut simulation = Simulation::new(spec);
        for step in &steps {
            run(&mut simulation, step);
        }
        finish(&mut simulation)?;
        let left = simulation.pods.values().filter(|pod| pod.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty()));
        prop_assert_eq!(left.count(), 0);
        let uncounted = simulation.job.status.clone().unwrap().uncounted_terminated_pods.unwrap_or_default();
        prop_assert!(uncounted.succeeded.is_none() && uncounted.failed.is_none());
    }

    #[test]
    fn each_pod_counts_once_whatever_was_cut_off(
        parallelism in 1..4_i32,
        completions in prop::option::of(1..5_i32),
        indexed in any::<bool>(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let indexed = indexed && completions.is_some();
        let mode = if indexed { "Indexed" } else { "NonIndexed" };
        let mut simulation = Simulation::new(json!({"parallelism": parallelism, "completions": completions,
            "completionMode": mode, "backoffLimit": 1000, "podReplacementPolicy": "Failed"}));
        for step in &steps {
            run(&mut simulation, step);
        }
        finish(&mut simulation)?;
        let status = simulation.status();
        prop_assert_eq!(number(&status, "failed"), ended(&simulation, End::Failed), "{}", status);
        prop_assert_eq!(number(&status, "succeeded"), ended(&simulation, End::Succeeded), "{}", status);
    }
}
