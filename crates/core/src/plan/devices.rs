//! A Pod's devices: its containers have them before anything of it is made, and for as long as it lives.
//!
//! Epochs, restarts and lost sandboxes change nothing about them (R4): they are asked for once.

use super::pass::Pass;
use crate::action::Action;
use crate::devices::wanted;

/// The words before the reason of a Pod that the node does not take, as in Kubernetes.
const REJECTED: &str = "Pod was rejected: ";

/// The message of the end of a Pod that can't have its devices.
pub(super) fn refusal(pass: &Pass<'_>) -> Option<String> {
    pass.observed.devices.refused.as_ref().map(|why| format!("{REJECTED}{why}"))
}

/// Whether all containers have the devices that they ask for; what it takes is asked for.
pub(super) fn ensure(pass: &mut Pass<'_>) -> bool {
    let have = pass.observed.devices.allocated.is_some() || wanted(pass.desired.pod).is_empty();
    if !have {
        pass.actions.push(Action::AllocateDevices);
    }
    have
}
