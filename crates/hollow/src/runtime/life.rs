//! Containers begin and end.

use std::net::Ipv4Addr;
use std::time::Duration;

use reprise_cri::v1::ContainerEventType;
use tokio::task::AbortHandle;
use tonic::Status;

use super::HollowRuntime;
use super::program::{AgentSettings, Program};
use super::state::{Container, Standing, now};
use crate::agent::{self, Place};

/// What a shell says of SIGTERM, and of SIGKILL.
pub(super) const TERMINATED: i32 = 143;
pub(super) const KILLED: i32 = 137;

impl HollowRuntime {
    /// The program of a created container runs.
    pub(super) fn begin(&self, id: &str) -> Result<(), Status> {
        let mut state = self.state();
        let container = state.containers.get_mut(id).ok_or_else(|| no_such("container", id))?;
        if !matches!(container.standing, Standing::Created) {
            return Err(Status::failed_precondition(format!("container {id} is not in the created state")));
        }
        let (program, sandbox) = (container.program.clone(), container.sandbox.clone());
        let is_counted = program.is_worker();
        container.standing = Standing::Running { since: now(), task: None, is_counted };
        if is_counted {
            self.count_begin();
        }
        let address = state.sandboxes.get(&sandbox).and_then(|sandbox| sandbox.address);
        state.announce(id, ContainerEventType::ContainerStartedEvent);
        let task = self.run(id, program, address);
        if let Some(Standing::Running { task: place, .. }) = state.containers.get_mut(id).map(|c| &mut c.standing) {
            *place = task;
        }
        Ok(())
    }

    /// What the program does by itself, in a task.
    fn run(&self, id: &str, program: Program, address: Option<Ipv4Addr>) -> Option<AbortHandle> {
        match program {
            Program::Works => None,
            Program::Ends { after, code } => Some(self.spawn_end(id, after, code)),
            Program::Agent(settings) => self.spawn_agent(id, settings, address),
        }
    }

    fn spawn_end(&self, id: &str, after: Duration, code: i32) -> AbortHandle {
        let (runtime, id) = (self.clone(), id.to_owned());
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            runtime.end(&id, code);
        });
        task.abort_handle()
    }

    fn spawn_agent(&self, id: &str, settings: AgentSettings, address: Option<Ipv4Addr>) -> Option<AbortHandle> {
        let client = self.inner.client.clone()?;
        let (runtime, id) = (self.clone(), id.to_owned());
        let place = address.map(|address| Place { network: self.inner.world.network.clone(), address });
        let task = tokio::spawn(async move {
            let (code, of_worker) =
                (settings.restart_code, settings.runs_worker.then(|| (runtime.clone(), id.clone())));
            let lifted = move || {
                if let Some((runtime, id)) = &of_worker {
                    runtime.count_worker_of(id);
                }
            };
            agent::live(client, settings, place, lifted).await;
            runtime.end(&id, code);
        });
        Some(task.abort_handle())
    }

    /// An agent has let its worker go.
    fn count_worker_of(&self, id: &str) {
        if let Some(Standing::Running { is_counted, .. }) = self.state().containers.get_mut(id).map(|c| &mut c.standing)
            && !std::mem::replace(is_counted, true)
        {
            self.count_begin();
        }
    }

    fn count_begin(&self) {
        self.inner.world.census.change(|counts| {
            counts.workers_running += 1;
            counts.workers_begun += 1;
        });
    }

    /// The program has ended. One that had before stays as it ended.
    pub(super) fn end(&self, id: &str, code: i32) {
        let mut state = self.state();
        let Some(container) = state.containers.get_mut(id) else { return };
        let since = match &container.standing {
            Standing::Created => None,
            Standing::Running { since, task, is_counted } => {
                if let Some(task) = task {
                    task.abort();
                }
                if *is_counted {
                    self.inner.world.census.change(|counts| counts.workers_running -= 1);
                }
                Some(*since)
            }
            Standing::Exited { .. } => return,
        };
        container.standing = Standing::Exited { since, at: now(), code };
        state.announce(id, ContainerEventType::ContainerStoppedEvent);
    }

    /// Ends what still runs of a sandbox, and removes what is left of it.
    pub(super) fn remove_containers(&self, sandbox: &str) {
        let containers = self.state().of_sandbox(sandbox);
        for id in containers {
            self.forget(&id);
        }
    }

    /// Removes a container, by force if it runs.
    pub(super) fn forget(&self, id: &str) {
        self.end(id, KILLED);
        let mut state = self.state();
        state.announce(id, ContainerEventType::ContainerDeletedEvent);
        state.containers.remove(id);
    }
}

impl Container {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Exited { .. })
    }
}

pub(super) fn no_such(what: &str, id: &str) -> Status {
    Status::not_found(format!("no such {what}: {id}"))
}
