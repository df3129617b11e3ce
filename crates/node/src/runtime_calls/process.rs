//! Which process of the machine a container is: not in the protocol, but told by runtimes that are asked for more.

use std::collections::HashMap;

use reprise_cri::v1::ContainerStatusRequest;
use reprise_cri::{Call, CriError};
use serde_json::Value;

use super::{Runtime, absent_as_none};

/// Where containerd and CRI-O have it: a JSON text under this key, with this field.
const INFO: (&str, &str) = ("info", "pid");

impl Runtime {
    /// The id of the container's first process; none if there is no such container or the runtime does not say.
    pub(crate) async fn process_of(&self, id: &str) -> Result<Option<i32>, CriError> {
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: true };
        let call = Call::new("ContainerStatus", id);
        let answer = self.client.call(call, self.client.runtime().container_status(request)).await;
        Ok(absent_as_none(answer)?.and_then(|answer| process(&answer.info)))
    }
}

fn process(info: &HashMap<String, String>) -> Option<i32> {
    let (key, field) = INFO;
    let info: Value = serde_json::from_str(info.get(key)?).ok()?;
    let process = i32::try_from(info.get(field)?.as_i64()?).ok()?;
    (process > 0).then_some(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_read_where_the_runtime_tells_it() {
        let of = |text: &str| process(&HashMap::from([("info".to_owned(), text.to_owned())]));
        assert_eq!(of(r#"{"sandboxID":"s","pid":4711}"#), Some(4711));
        for unknown in ["{}", "", r#"{"pid":0}"#, r#"{"pid":"1"}"#, r#"{"pid":4294967297}"#] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(process(&HashMap::new()), None);
    }
}
