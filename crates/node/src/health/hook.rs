//! Runs one lifecycle hook to its end.

use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use reprise_cri::{CodeClass, CriError};

use super::{Subject, http, words};
use crate::error::chain;

/// The user agent of hooks.
const USER_AGENT: &str = "kube-lifecycle/1.36";

/// Why a hook did not end well.
#[derive(Debug)]
pub(crate) enum HookError {
    /// It failed; a sentence.
    Failed(String),
    /// The runtime did not answer, so nobody knows.
    Unanswered(CriError),
}

/// Runs a hook of the container. It has no time limit of its own.
pub(crate) async fn run(subject: &Subject, handler: &LifecycleHandler) -> Result<(), HookError> {
    if let Some(exec) = &handler.exec {
        return run_command(subject, exec.command.clone().unwrap_or_default()).await;
    }
    if let Some(get) = &handler.http_get {
        let request = subject.get(get, USER_AGENT).map_err(HookError::Failed)?;
        return http::ask(subject.shared.probes.inner(), request).await.map_err(HookError::Failed);
    }
    if let Some(sleep) = &handler.sleep {
        tokio::time::sleep(Duration::from_secs(sleep.seconds.try_into().unwrap_or_default())).await;
        return Ok(());
    }
    Err(HookError::Failed("invalid handler: a hook can be exec, httpGet or sleep".to_owned()))
}

async fn run_command(subject: &Subject, command: Vec<String>) -> Result<(), HookError> {
    let shown = command.join(" ");
    match subject.exec(command, 0).await {
        Ok(ended) if ended.exit_code == 0 => Ok(()),
        Ok(ended) => {
            let output = words::output(&ended.stderr);
            Err(HookError::Failed(format!("command '{shown}' exited with {}: {output}", ended.exit_code)))
        }
        Err(error) if error.class() == Some(CodeClass::Unavailable) => Err(HookError::Unanswered(error)),
        Err(error) => Err(HookError::Failed(error.answer().map_or_else(|| chain(&error), str::to_owned))),
    }
}
