//! Who kills.

use std::time::Duration;

use tokio::time::sleep;

use super::{Churn, Dice, RUNTIME_KILLS};

/// One in so many kills of the runtime is followed by one of a shim.
const SHIM_EVERY: u64 = 3;

/// Kills the runtime at random moments, and shims now and then.
pub async fn rage(churn: &Churn<'_>, mut dice: Dice) {
    for _ in 0..RUNTIME_KILLS {
        sleep(Duration::from_millis(10 + dice.below(600))).await;
        let server = churn.scene.server().clone();
        let away = Duration::from_millis(dice.below(50));
        let restart = move || {
            server.kill();
            std::thread::sleep(away);
            server.start();
        };
        if dice.below(SHIM_EVERY) == 0 {
            kill_a_shim(churn, &mut dice);
        }
        tokio::task::spawn_blocking(restart).await.unwrap();
        if dice.below(SHIM_EVERY) == 0 {
            kill_a_shim(churn, &mut dice);
        }
    }
}

fn kill_a_shim(churn: &Churn<'_>, dice: &mut Dice) {
    let shims = churn.scene.server().shims();
    let Some(shim) = shims.get(dice.below(shims.len().max(1) as u64) as usize) else { return };
    // Its last argument is the sandbox's folder.
    let sandbox = shim.command.rsplit('/').next().unwrap_or_default().trim();
    churn.killed.borrow_mut().insert(sandbox.to_owned());
    shim.kill();
}
