//! How much memory the agent's process keeps for itself.

/// The C library's pools of memory. By default each thread gets its own, up to eight for each processor, and each keeps what
/// it once had: with 110 Pods that is some MB for nothing, as the agent's threads mostly wait.
const POOLS: libc::c_int = 2;

/// Has all threads share few pools. For the start of the process, before it has a second thread.
pub fn share_pools() {
    // SAFETY: sets a number in the C library; no other thread uses the allocator yet. A refusal (0) costs memory only.
    let _set = unsafe { libc::mallopt(libc::M_ARENA_MAX, POOLS) };
}
