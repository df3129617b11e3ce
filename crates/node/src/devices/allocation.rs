//! Gives a Pod its devices: chosen by the core, prepared by their plugins, on disk before anybody uses them.

use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use reprise_core::devices::{AllocationError, Answers, rejection};

use super::book::{Choice, Reservation};
use super::grant::{FORMAT, Grant, PodGrants};
use super::{ContainerGrants, Devices};
use crate::error::NodeError;
use crate::record::devices_file;

/// Why a Pod has no devices.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AllocationFailure {
    /// It can't have them; the message is the Pod's.
    #[error("{0}")]
    Refused(String),
    /// They could not be written down; trying again may help.
    #[error(transparent)]
    NotRecorded(#[from] NodeError),
}

impl AllocationFailure {
    fn refused(cause: impl std::fmt::Display) -> Self {
        Self::Refused(rejection(&cause.to_string()))
    }
}

impl Devices {
    /// Gives `pod` its devices, unless it has them. `file` is where they are written down.
    pub(crate) async fn allocate(&self, uid: &str, pod: &Pod, file: &Path) -> Result<(), AllocationFailure> {
        if self.shared.book.grants(uid).is_some() {
            return Ok(());
        }
        let reservation = self.choose(uid, pod).await?;
        let mut grants = PodGrants { format: FORMAT, containers: Default::default() };
        for (container, resources) in &reservation.devices {
            let mut of_container = ContainerGrants::new();
            for (resource, ids) in resources {
                let grant = self.shared.plugins.allocate(resource, ids, &self.shared.metrics).await;
                let (answer, pre_start) = grant.map_err(AllocationFailure::refused)?;
                let grant = Grant::of(ids.clone(), pre_start, answer).ok_or_else(|| cdi(resource))?;
                of_container.insert(resource.clone(), grant);
            }
            grants.containers.insert(container.clone(), of_container);
        }
        let (path, written) = (file.to_owned(), grants.clone());
        let written = tokio::task::spawn_blocking(move || devices_file::write(&path, &written)).await;
        written.unwrap_or_else(|panic| {
            Err(NodeError::File { operation: "write", path: file.to_owned(), source: panic.into() })
        })?;
        reservation.keep(grants);
        Ok(())
    }

    /// Waits for plugins that may still register, and asks them what they prefer.
    async fn choose<'a>(&'a self, uid: &'a str, pod: &Pod) -> Result<Reservation<'a>, AllocationFailure> {
        let shared = &self.shared;
        let (mut answers, mut changes) = (Answers::new(), self.changes());
        loop {
            changes.mark_unchanged();
            match shared.book.reserve(uid, pod, &shared.plugins.inventory(), &answers) {
                Ok(Choice::Reserved(reservation)) => return Ok(reservation),
                Ok(Choice::Ask(question)) => {
                    let answer = shared.plugins.preferred(&question).await;
                    let answer = answer.map_err(|error| {
                        let call = "device plugin GetPreferredAllocation rpc failed with err";
                        AllocationFailure::refused(format!("{call}: {error}"))
                    })?;
                    answers.insert((question.container, question.resource), answer);
                }
                Err(error @ AllocationError::Unregistered { .. }) => {
                    tracing::info!(uid, %error, "waiting for its plugin");
                    let change = tokio::time::timeout_at(shared.expected_until.into(), changes.changed());
                    if !matches!(change.await, Ok(Ok(()))) {
                        return Err(AllocationFailure::refused(error));
                    }
                }
                Err(error) => return Err(AllocationFailure::refused(error)),
            }
        }
    }
}

fn cdi(resource: &str) -> AllocationFailure {
    AllocationFailure::refused(format!(
        "CDI devices, which are not supported, in the device plugin's answer for {resource} (have it give device nodes)"
    ))
}
