//! What the node counts and times, in Prometheus' terms: under the kubelet's names where the kubelet has one, under
//! `reprise_` what it doesn't know.

mod counter;
mod histogram;
mod news;
mod operation;
pub(crate) mod pods;
pub(crate) mod text;

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;

use counter::Counter;
use histogram::{Histogram, exponential};
use text::Text;

/// The bounds that the kubelet has for the start of a Pod, in seconds.
const POD_START_BOUNDS: [f64; 24] = [
    0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 30.0, 45.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 480.0,
    600.0, 900.0, 1200.0, 1800.0, 3600.0,
];
/// A restart takes from a few milliseconds to, with a long back-off or setup, minutes.
const RESTART_BOUNDS: [f64; 15] =
    [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0];

/// Everything that is counted over the agent's life.
#[derive(Debug)]
pub(crate) struct Metrics {
    restarts: Counter,
    restart_seconds: Histogram,
    refused_pods: Counter,
    started_pods: Counter,
    started_pods_errors: Counter,
    started_containers: Counter,
    started_containers_errors: Counter,
    pod_start_seconds: Histogram,
    operations: Counter,
    operation_errors: Counter,
    operation_seconds: Histogram,
    http_requests: Counter,
    images_collected: Counter,
    /// When Pods were taken on that do not run yet, by UID.
    starting: Mutex<HashMap<String, Timestamp>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            restarts: Counter::new(
                "reprise_inplace_restarts_total",
                "Restarts of Pods in place, by what triggered them.",
                &["trigger"],
            ),
            restart_seconds: Histogram::new(
                "reprise_inplace_restart_duration_seconds",
                "Time from the trigger of a restart in place until a phase of it was over.",
                &["phase"],
                RESTART_BOUNDS,
            ),
            refused_pods: Counter::new(
                "kubelet_admission_rejections_total",
                "Pods that the node did not take on, by reason.",
                &["reason"],
            ),
            started_pods: Counter::new("kubelet_started_pods_total", "Sandboxes that were started or tried.", &[]),
            started_pods_errors: Counter::new(
                "kubelet_started_pods_errors_total",
                "Sandboxes that could not be started.",
                &[],
            ),
            started_containers: Counter::new(
                "kubelet_started_containers_total",
                "Containers that were started or tried.",
                &["container_type"],
            ),
            started_containers_errors: Counter::new(
                "kubelet_started_containers_errors_total",
                "Containers that could not be started, by reason.",
                &["code", "container_type"],
            ),
            pod_start_seconds: Histogram::new(
                "kubelet_pod_start_duration_seconds",
                "Time from when the node took a Pod on until it ran.",
                &[],
                POD_START_BOUNDS,
            ),
            operations: Counter::new(
                "kubelet_runtime_operations_total",
                "Calls of the container runtime.",
                &["operation_type"],
            ),
            operation_errors: Counter::new(
                "kubelet_runtime_operations_errors_total",
                "Calls of the container runtime that failed.",
                &["operation_type"],
            ),
            operation_seconds: Histogram::new(
                "kubelet_runtime_operations_duration_seconds",
                "Time that calls of the container runtime took.",
                &["operation_type"],
                exponential(0.005, 2.5, 14),
            ),
            http_requests: Counter::new(
                "kubelet_http_requests_total",
                "Requests that the node's HTTP server got.",
                &["long_running", "method", "path", "server_type"],
            ),
            images_collected: Counter::new(
                "kubelet_image_garbage_collected_total",
                "Images that were removed, by whether their age or the disk's space was the reason.",
                &["reason"],
            ),
            starting: Mutex::default(),
        }
    }
}

impl Metrics {
    /// A request to the HTTP server has come.
    pub(crate) fn requested(&self, method: &str, path: &str, is_long: bool) {
        self.http_requests.add(&[if is_long { "true" } else { "false" }, method, path, "readwrite"]);
    }

    /// An image was removed, for its `age` or for `space`.
    pub(crate) fn image_collected(&self, reason: &str) {
        self.images_collected.add(&[reason]);
    }

    /// Shows all that was counted.
    pub(crate) fn write(&self, text: &mut Text) {
        let counters = [
            &self.restarts,
            &self.refused_pods,
            &self.started_pods,
            &self.started_pods_errors,
            &self.started_containers,
            &self.started_containers_errors,
            &self.operations,
            &self.operation_errors,
            &self.http_requests,
            &self.images_collected,
        ];
        counters.into_iter().for_each(|counter| counter.write(text));
        let histograms = [&self.restart_seconds, &self.pod_start_seconds, &self.operation_seconds];
        histograms.into_iter().for_each(|histogram| histogram.write(text));
    }
}
