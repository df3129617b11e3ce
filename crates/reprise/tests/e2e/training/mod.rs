//! The training example on two nodes: it loses a worker in each of the ways there are, goes on from its checkpoint each time with no
//! more Pods made anew than were lost, and its result is that of one worker that nothing happened to.

mod readme;
mod scene;

use std::collections::BTreeSet;

use scene::{Training, Workers};

/// What an agent may take, of the disk and in memory: there is one in each worker Pod.
const AGENT_SIZE: u64 = 5_000_000;
const AGENT_MEMORY: u64 = 3_000_000;
/// How many steps more a worker has its checkpoint of before the next thing happens.
const STEPS_BETWEEN: u64 = 5;

#[test]
fn training_on_two_nodes_recovers_in_place_from_every_way_to_lose_a_worker() {
    let mut training = Training::start();
    let mut before = training.in_step(0);
    assert_eq!(before.nodes().len(), 2, "the workers are on both nodes: {before:#?}");

    let (size, memory) = training.agents(&before);
    assert!(size < AGENT_SIZE && memory < AGENT_MEMORY, "an agent has {size} bytes, {memory} in memory");
    eprintln!("an agent has {size} bytes, {memory} in memory");

    let exit = |training: &mut Training, workers: &Workers| {
        training.exec_fail_worker(&workers.pods[3]);
        BTreeSet::new()
    };
    let kill = |training: &mut Training, workers: &Workers| {
        training.kill_process_of(&workers.pods[5]);
        BTreeSet::new()
    };
    let delete = |training: &mut Training, workers: &Workers| {
        training.delete_pod(&workers.pods[0]);
        BTreeSet::from([0])
    };
    let lose_node = |training: &mut Training, workers: &Workers| {
        let lost = workers.on("node-1");
        training.lose_node(1);
        lost
    };
    type Loss<'a> = &'a dyn Fn(&mut Training, &Workers) -> BTreeSet<usize>;
    let losses: [(&str, Loss<'_>); 4] =
        [("exit code", &exit), ("SIGKILL", &kill), ("deletion", &delete), ("lost node", &lose_node)];
    for (attempt, (what, lose)) in (1..).zip(losses) {
        let reached = training.reaches(&before, training.step(&before) + STEPS_BETWEEN);
        let lost = lose(&mut training, &before);
        let after = training.in_step(attempt);
        assert_eq!(before.others_than(&after), lost, "{what}: these Pods and no others are new");
        let from = training.began_at(&after);
        assert!(from >= reached, "{what}: it went on from step {from}, and step {reached} had been reached");
        before = after;
    }
    training.completes();
    assert_eq!(training.restarts(), 0, "the JobSet was never made anew as a whole");
    let alone = training.alone();
    for (index, result) in training.results().iter().enumerate() {
        assert_eq!(result, &alone, "worker {index} has the model that one worker alone gets");
    }
    training.end();
}
