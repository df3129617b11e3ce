//! Random faults of a fleet that restarts in place, with a controller that dies between any two of its writes.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::simulation::{Simulation, writes};
use crate::budget;
use crate::in_place::Standing;

#[derive(Debug, Clone)]
enum Step {
    /// The controller decides and dies, or not, after so many writes.
    Decide {
        writes: usize,
        dies: bool,
    },
    /// The Job controller and nodes do what they do.
    Tend,
    /// An agent does its next step.
    Agent {
        pod: usize,
    },
    /// A worker exits.
    Exit {
        pod: usize,
    },
    FailPod {
        pod: usize,
    },
    DeletePod {
        pod: usize,
    },
    FailJob {
        job: usize,
        reason: &'static str,
    },
    Pass {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let reason = prop::sample::select(vec!["PodFailurePolicy", "DeadlineExceeded", "BackoffLimitExceeded"]);
    prop_oneof![
        8 => (0..8_usize, prop::bool::weighted(0.2)).prop_map(|(writes, dies)| Step::Decide { writes, dies }),
        4 => Just(Step::Tend),
        16 => (0..8_usize).prop_map(|pod| Step::Agent { pod }),
        2 => (0..8_usize).prop_map(|pod| Step::Exit { pod }),
        1 => (0..8_usize).prop_map(|pod| Step::FailPod { pod }),
        1 => (0..8_usize).prop_map(|pod| Step::DeletePod { pod }),
        1 => (0..4_usize, reason).prop_map(|(job, reason)| Step::FailJob { job, reason }),
        2 => (0..20_i64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

fn spec(max_restarts: i32, replicas: i32, parallelism: i32, strategy: &str) -> Value {
    let template = json!({"spec": {"parallelism": parallelism, "completions": parallelism, "backoffLimit": i32::MAX,
        "podReplacementPolicy": "Failed", "template": {"spec": {"containers": [{"name": "c"}]}}}});
    json!({
        "replicatedJobs": [{"name": "w", "replicas": replicas, "template": template}],
        "failurePolicy": {"maxRestarts": max_restarts, "restartStrategy": strategy, "rules": [
            {"action": "RestartJob", "onJobFailureReasons": ["PodFailurePolicy"]},
            {"action": "RestartJobSetAndIgnoreMaxRestarts", "onJobFailureReasons": ["DeadlineExceeded"]},
        ]},
    })
}

fn run(simulation: &mut Simulation, step: &Step) {
    let nth = |names: Vec<String>, n: usize| names.get(n % names.len().max(1)).cloned().unwrap_or_default();
    let pod = |simulation: &Simulation, n: usize| nth(simulation.pod_names(), n);
    match step {
        Step::Decide { writes: count, dies } => {
            writes(simulation.decide()).into_iter().take(*count).for_each(|write| simulation.apply(write));
            if *dies {
                simulation.crash();
            }
        }
        Step::Tend => {
            simulation.tend();
        }
        Step::Agent { pod: n } => {
            simulation.step(&pod(simulation, *n));
        }
        Step::Exit { pod: n } => simulation.exit(&pod(simulation, *n)),
        Step::FailPod { pod: n } => simulation.fail_pod(&pod(simulation, *n)),
        Step::DeletePod { pod: n } => simulation.delete_pod(&pod(simulation, *n)),
        Step::FailJob { job, reason } => {
            let name = nth(simulation.jobs.keys().cloned().collect(), *job);
            simulation.end_job(&name, "Failed", reason);
        }
        Step::Pass { seconds } => simulation.pass(*seconds),
    }
}

/// From now on nothing fails: all workers run, or the JobSet has failed.
fn finish(simulation: &mut Simulation) -> Result<(), TestCaseError> {
    for _ in 0..60 {
        simulation.settle();
        simulation.pass(11);
        let moved: Vec<bool> = simulation.pod_names().iter().map(|name| simulation.step(name)).collect();
        if moved.iter().all(|moved| !moved) && writes(simulation.decide()).is_empty() {
            break;
        }
    }
    if simulation.is_finished() {
        prop_assert!(simulation.pods.is_empty(), "no Pod is left of a JobSet that has failed");
        return Ok(());
    }
    let alive: Vec<_> = simulation.pods.values().filter(|pod| !pod.has_failed).collect();
    let expected: i32 = simulation.jobs.values().map(|job| job.spec.as_ref().unwrap().parallelism.unwrap()).sum();
    prop_assert_eq!(i32::try_from(alive.len()).unwrap(), expected);
    prop_assert!(alive.iter().all(|pod| pod.is_lifted), "{:?} {:?}", simulation.status(), simulation.pods);
    Ok(())
}

fn check_budget(simulation: &Simulation) -> Result<(), TestCaseError> {
    let status = simulation.status();
    let policy = simulation.set.spec.as_ref().unwrap().failure_policy.clone().unwrap();
    let limit = i64::from(policy.max_restarts.unwrap());
    prop_assert!(budget::spent(&status) <= limit, "{:?}", status);
    if let Some((standing, current)) = Standing::of(&simulation.set).zip(status.current_in_place_restart_attempt) {
        prop_assert!(i64::from(current) <= standing.attempt_limit, "{:?}", status);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fleet_converges_and_never_lifts_a_barrier_for_a_part_of_it(
        max_restarts in 0..6_i32, replicas in 1..3_i32, parallelism in 1..4_i32, steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut simulation = Simulation::new(spec(max_restarts, replicas, parallelism, "InPlaceRestart"));
        for step in &steps {
            run(&mut simulation, step);
            check_budget(&simulation)?;
        }
        finish(&mut simulation)?;
        check_budget(&simulation)?;
    }

    #[test]
    fn other_strategies_converge_too(
        max_restarts in 0..6_i32, blocking in any::<bool>(), steps in prop::collection::vec(step(), 0..80),
    ) {
        let strategy = if blocking { "BlockingRecreate" } else { "Recreate" };
        let mut simulation = Simulation::new(spec(max_restarts, 2, 2, strategy));
        for step in &steps {
            run(&mut simulation, step);
            check_budget(&simulation)?;
        }
        finish(&mut simulation)?;
        check_budget(&simulation)?;
    }
}
