//! What a node does for itself beside its Pods: it rotates logs, clears away what is nobody's, and removes images.
//!
//! Nothing of it is done when the agent starts: a Pod that is over soon never waits for it.

mod images;
mod logs;
mod remains;

use std::sync::Weak;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::node::{Inner, Node};
use images::ImageCare;

/// How soon after the agent's start remains and images are looked at first.
const SETTLE: Duration = Duration::from_secs(5);
/// How often the kubelet looks for containers that are nobody's.
const REMAINS_PERIOD: Duration = Duration::from_secs(60);
/// How often the kubelet looks at images.
const IMAGES_PERIOD: Duration = Duration::from_secs(300);

/// Begins; the tasks end with the node.
pub(crate) fn start(node: &Node) -> [JoinHandle<()>; 3] {
    let period = node.config().log_monitor_interval;
    [
        tokio::spawn(rotate_logs(node.downgrade(), period)),
        tokio::spawn(clear_remains(node.downgrade())),
        tokio::spawn(collect_images(node.downgrade())),
    ]
}

async fn rotate_logs(node: Weak<Inner>, period: Duration) {
    let mut ticks = ticks(period, period);
    loop {
        ticks.tick().await;
        let Some(inner) = node.upgrade() else { return };
        logs::rotate_all(&Node::of(inner)).await;
    }
}

async fn clear_remains(node: Weak<Inner>) {
    let mut ticks = ticks(SETTLE, REMAINS_PERIOD);
    loop {
        ticks.tick().await;
        let Some(inner) = node.upgrade() else { return };
        remains::clear(&Node::of(inner)).await;
    }
}

async fn collect_images(node: Weak<Inner>) {
    let (mut ticks, mut care) = (ticks(SETTLE, IMAGES_PERIOD), None);
    loop {
        ticks.tick().await;
        let Some(inner) = node.upgrade() else { return };
        let node = Node::of(inner);
        care.get_or_insert_with(|| ImageCare::load(node.paths())).run(&node).await;
    }
}

fn ticks(first: Duration, period: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now() + first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
