//! Calls of the runtime, counted and timed under the names that the kubelet gives them.

use std::time::Duration;

use reprise_cri::CallObserver;

use super::Metrics;

impl CallObserver for Metrics {
    fn ended(&self, operation: &'static str, took: Duration, succeeded: bool) {
        let operation = label(operation);
        self.operations.add(&[&operation]);
        if !succeeded {
            self.operation_errors.add(&[&operation]);
        }
        self.operation_seconds.observe(&[&operation], took);
    }
}

/// The kubelet's name of a CRI call: in lower case with underlines, but `PodSandbox` is one word.
fn label(operation: &str) -> String {
    let mut label = String::with_capacity(operation.len() + 4);
    for letter in operation.replace("PodSandbox", "Podsandbox").chars() {
        if letter.is_ascii_uppercase() && !label.is_empty() {
            label.push('_');
        }
        label.push(letter.to_ascii_lowercase());
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_as_the_kubelet_names_them() {
        for (call, name) in [
            ("RunPodSandbox", "run_podsandbox"),
            ("ListPodSandboxStats", "list_podsandbox_stats"),
            ("ExecSync", "exec_sync"),
            ("Version", "version"),
            ("ImageStatus", "image_status"),
        ] {
            assert_eq!(label(call), name);
        }
    }
}
