//! Ways in for fuzzing: what strangers write and this crate reads.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::network::cni::result::AddResult;
use crate::shim::connection::Connection;
use crate::shim::protocol::Message;
use crate::shim_attach;

/// A CNI plugin's answer to ADD.
pub fn cni_result(bytes: &[u8]) {
    if let Ok(result) = AddResult::parse(bytes) {
        let ips = result.pod_ips("eth0");
        // What was accepted must be accepted again when it is read from disk.
        let again = AddResult::of(result.raw).map(|again| again.pod_ips("eth0"));
        assert!(again.is_ok_and(|again| again == ips), "a result that was kept is read otherwise than it came");
    }
}

/// What comes over a shim's socket, in either direction: the shim reads requests, the runtime reads messages, and the
/// output of a container that it is attached to.
pub fn shim_message(bytes: &[u8]) {
    let Ok((mut runtime, shim)) = UnixStream::pair() else { return };
    // What does not fit the socket is another input.
    let fits = runtime.set_nonblocking(true).is_ok() && runtime.write(bytes).is_ok();
    let Ok(mut connection) = Connection::new(shim) else { return };
    if fits && runtime.shutdown(Shutdown::Write).is_ok() {
        for request in connection.receive() {
            survives(&request);
        }
        assert!(!connection.is_open(), "a connection outlives its peer");
    }
    for message in bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Message>(line).ok()) {
        survives(&message);
    }
    let mut output = bytes;
    while let Ok(Some((_, length))) = shim_attach::parse(output) {
        output = &output[length..];
    }
}

/// What was read must be read again as the same.
fn survives<T: Serialize + DeserializeOwned>(value: &T) {
    let text = serde_json::to_vec(value).ok();
    let again = text.as_deref().and_then(|text| serde_json::from_slice::<T>(text).ok());
    assert!(text.is_some() && again.and_then(|again| serde_json::to_vec(&again).ok()) == text);
}
