//! The timeline as a person reads it: seconds since the start, the Pod, what happened.

use jiff::Timestamp;
use reprise_core::step::millis_between;
use reprise_core::timeline::{Entry, Happened};

/// One line for one entry. `since_trigger_ms` is shown for what belongs to a restart.
pub fn line(begun: Timestamp, pod: &str, entry: &Entry, since_trigger_ms: Option<f64>) -> String {
    let seconds = millis_between(begun, entry.time) / 1000.0;
    let since = since_trigger_ms.map(|ms| format!("  (+{ms:.1} ms)")).unwrap_or_default();
    format!("{seconds:8.3}  {pod}  epoch {}  {}{since}", entry.epoch, sentence(&entry.happened))
}

fn sentence(happened: &Happened) -> String {
    match happened {
        Happened::PodAdmitted => "Pod admitted".to_owned(),
        Happened::SandboxReady { sandbox, ip } => {
            let ip = ip.as_deref().map(|ip| format!(", address {ip}")).unwrap_or_default();
            format!("sandbox ready: {}{ip}", short(sandbox))
        }
        Happened::ImageFailed { container, reason, message } => format!("{container}: {reason}: {message}"),
        Happened::ContainerStarted { container } => format!("{container} started"),
        Happened::ContainerExited { container, exit_code, rule, reason, message } => {
            let rule = rule.map(|r| format!(", matching restartPolicyRules[{r}]")).unwrap_or_default();
            let message = if message.is_empty() { String::new() } else { format!(": {}", message.trim_end()) };
            format!("{container} exited with code {exit_code} ({reason}){rule}{message}")
        }
        Happened::ContainerCondemned { container, message, .. } => {
            format!("{container} is to end: {}", message.trim_end())
        }
        Happened::RestartStepped { trigger } => format!("RESTART IN PLACE: {}", trigger.message()),
        Happened::ContainersKilled => "all containers of the old epoch are dead".to_owned(),
        Happened::ContainersRemoved => "all containers of the old epoch are removed".to_owned(),
        Happened::Backoff { container, until } => {
            let what = container.as_deref().unwrap_or("the Pod");
            format!("back-off: {what} waits until {until}")
        }
        Happened::SetupFailed { container, reason, message } => {
            let what = container.as_deref().unwrap_or("sandbox");
            format!("{what}: {reason}: {message}")
        }
        Happened::PodReady => "Pod ready".to_owned(),
        Happened::PodSucceeded => "Pod succeeded".to_owned(),
        Happened::PodRefused { reason, message } => format!("Pod refused: {reason}: {message}"),
        Happened::PodFailed { reason, message } => match (reason.as_str(), message.as_str()) {
            ("", _) => "Pod failed".to_owned(),
            (reason, message) => format!("Pod failed: {reason}: {message}"),
        },
    }
}

/// Ids are long; their beginning tells them apart.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
