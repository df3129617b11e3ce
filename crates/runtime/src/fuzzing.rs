//! Ways in for fuzzing: what strangers write and this crate reads.

use crate::network::cni::result::AddResult;

/// A CNI plugin's answer to ADD.
pub fn cni_result(bytes: &[u8]) {
    if let Ok(result) = AddResult::parse(bytes) {
        let ips = result.pod_ips("eth0");
        // What was accepted must be accepted again when it is read from disk.
        let again = AddResult::of(result.raw).map(|again| again.pod_ips("eth0"));
        assert!(again.is_ok_and(|again| again == ips), "a result that was kept is read otherwise than it came");
    }
}
