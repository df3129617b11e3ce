//! exec: passes if a command in the container ends with 0.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ExecAction};
use reprise_cri::v1::ExecSyncResponse;
use reprise_cri::{CodeClass, CriError};

use super::Subject;
use super::tried::Tried;
use super::words;
use crate::container::expansion::expand;
use crate::error::chain;

pub(super) async fn probe(subject: &Subject, action: &ExecAction, limit: Duration) -> Tried {
    let command = subject.spec().map(|c| expanded(action, &c)).unwrap_or_default();
    let shown = command.join(" ");
    let seconds = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    judge(subject.exec(command, seconds).await, &shown, limit)
}

/// `$(VAR)` in a probe's command means what the container's `env` says literally.
fn expanded(action: &ExecAction, container: &Container) -> Vec<String> {
    let value_of = |name: &str| {
        let mut last_first = container.env.iter().flatten().rev();
        let found = last_first.find(|e| e.name == name && e.value_from.is_none())?;
        Some(found.value.clone().unwrap_or_default())
    };
    action.command.iter().flatten().map(|text| expand(text, value_of)).collect()
}

fn judge(answer: Result<ExecSyncResponse, CriError>, command: &str, limit: Duration) -> Tried {
    match answer {
        Ok(ended) if ended.exit_code == 0 => Tried::Passed,
        Ok(ended) => Tried::Failed(words::output(&[ended.stdout, ended.stderr].concat())),
        Err(error) if error.class() == Some(CodeClass::DeadlineExceeded) => {
            Tried::Failed(format!("command timed out: {command:?} timed out after {}", words::duration(limit)))
        }
        Err(error) => Tried::Errored(error.answer().map_or_else(|| chain(&error), str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tonic::Status;

    const LIMIT: Duration = Duration::from_secs(1);

    #[test]
    fn the_exit_code_decides_and_the_output_is_the_message() {
        let ended = |exit_code| Ok(ExecSyncResponse { stdout: b"out ".to_vec(), stderr: b"err".to_vec(), exit_code });
        assert_eq!(judge(ended(0), "a", LIMIT), Tried::Passed);
        assert_eq!(judge(ended(1), "a", LIMIT), Tried::Failed("out err".to_owned()));
    }

    #[test]
    fn a_timeout_is_a_failure_but_a_runtime_that_can_not_run_it_is_none() {
        let error = |status: Status| Err(CriError::from_status("ExecSync", "c", &status));
        let timed_out = Tried::Failed("command timed out: \"sleep 9\" timed out after 1s".to_owned());
        assert_eq!(judge(error(Status::deadline_exceeded("late")), "sleep 9", LIMIT), timed_out);
        assert_eq!(judge(error(Status::unavailable("away")), "a", LIMIT).passed(), None);
    }

    #[test]
    fn commands_are_expanded_with_literal_variables_only() {
        let container: Container = serde_json::from_value(json!({"name": "c", "env": [
            {"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}))
        .unwrap();
        let action = ExecAction { command: Some(vec!["$(A)".into(), "$(B)".into()]) };
        assert_eq!(expanded(&action, &container), ["1", "$(B)"]);
    }
}
