//! R1 to R5 of the semantics, held against random Pods, exits, delays, crashes and reboots.
//!
//! A small simulated runtime and clock carry out the plans that the real `plan` function makes. Each run
//! is made from one seed; a failing one is printed and can be replayed with `REPRISE_SEED=<seed>`, and
//! `REPRISE_RUNS=<n>` sets how many are made.

// What fails here fails a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod dice;
mod pods;
mod world;

use dice::Dice;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use world::{Faults, World};

const RUNS: u32 = 20_000;

fn runs() -> u32 {
    std::env::var("REPRISE_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(RUNS)
}

fn config(share: u32) -> Config {
    let persistence = FileFailurePersistence::Off;
    Config { cases: runs() / share, failure_persistence: Some(Box::new(persistence)), ..Config::default() }
}

fn run(seed: u64, faults: Faults) {
    let mut dice = Dice::new(seed);
    let pod = pods::random(&mut dice);
    let mut world = World::new(pod, dice, faults);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    if let Err(cause) = outcome {
        eprintln!("replay with REPRISE_SEED={seed}\n{}", world.story());
        std::panic::resume_unwind(cause);
    }
}

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn the_rules_hold_whatever_exits_when(seed in any::<u64>()) {
        run(seed, Faults::NONE);
    }
}

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn the_rules_hold_when_agent_runtime_and_node_crash_anywhere(seed in any::<u64>()) {
        run(seed, Faults::ALL);
    }
}

#[test]
fn a_printed_seed_is_replayed() {
    let Some(seed) = std::env::var("REPRISE_SEED").ok().and_then(|s| s.parse().ok()) else { return };
    run(seed, Faults::NONE);
    run(seed, Faults::ALL);
}
