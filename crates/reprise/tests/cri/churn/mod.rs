//! Many containers come and go while the runtime is killed again and again, and single shims now and then: nothing is
//! lost and nothing is left.
//!
//! Each container ends with a code of its own. Whatever a client was told was created must be accounted for: by that
//! code, or by a reason that says that its shim died, in a Pod whose shim was killed.

mod client;
mod dice;
mod killer;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use reprise_testkit::leftovers::Leftover;

use crate::case::cases;
use crate::scene::{Scene, eventually};
use client::Client;
use dice::Dice;

cases![two_hundred_containers_outlive_twenty_kills_of_the_runtime];

const CONTAINERS: u32 = 200;
const RUNTIME_KILLS: u32 = 20;
const CLIENTS: u64 = 8;

/// What the clients and the killers know of each other.
struct Churn<'a> {
    scene: &'a Scene,
    /// Containers that a client has begun with.
    begun: Cell<u32>,
    /// Those of them that were not created: their sandbox's shim was killed.
    given_up: Cell<u32>,
    /// Containers that were removed and accounted for.
    done: Cell<u32>,
    /// Sandboxes whose shim was killed, and containers that ended by that.
    killed: RefCell<BTreeSet<String>>,
    lost: Cell<u32>,
    /// The killers have not finished.
    is_raging: Cell<bool>,
}

impl Churn<'_> {
    /// The number of the next container; none if there are enough and nothing is killed any more.
    fn next(&self) -> Option<u32> {
        let number = self.begun.get();
        let is_wanted = number - self.given_up.get() < CONTAINERS || self.is_raging.get();
        is_wanted.then(|| self.begun.replace(number + 1))
    }
}

async fn two_hundred_containers_outlive_twenty_kills_of_the_runtime(scene: &Scene) {
    let seed = Dice::seed();
    eprintln!("churn: REPRISE_SEED={seed} makes the same choices");
    let churn = Churn {
        scene,
        begun: Cell::new(0),
        given_up: Cell::new(0),
        done: Cell::new(0),
        killed: RefCell::default(),
        lost: Cell::new(0),
        is_raging: Cell::new(true),
    };
    let clients = (0..CLIENTS).map(|number| Client::new(&churn, Dice::of(seed, number)).work());
    let killing = async {
        killer::rage(&churn, Dice::of(seed, CLIENTS)).await;
        churn.is_raging.set(false);
    };
    tokio::join!(futures::future::join_all(clients), killing);
    let (done, lost) = (churn.done.get(), churn.lost.get());
    eprintln!("churn: {done} containers, {lost} of them lost with {} shims", churn.killed.borrow().len());
    assert!(done >= CONTAINERS && lost < done / 2, "{done} containers, {lost} lost");
    assert_nothing_left(scene).await;
}

/// With the runtime still running.
async fn assert_nothing_left(scene: &Scene) {
    let server = scene.server();
    let is_ours = |left: &Leftover| !matches!(left, Leftover::Process { command, .. } if command.contains(" cri "));
    let left = || server.leftovers().into_iter().filter(is_ours).collect::<Vec<_>>();
    let settled = tokio::time::timeout(
        Duration::from_secs(20),
        eventually("all is gone", async || left().is_empty().then_some(())),
    );
    assert!(settled.await.is_ok(), "left: {:#?}", left());
    let leases = std::fs::read_dir(server.data_dir().join("runtime/images/leases")).unwrap();
    assert_eq!(leases.flatten().map(|lease| lease.path()).collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}
