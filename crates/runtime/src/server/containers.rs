//! Creating, starting, stopping and removing containers.

use std::sync::Arc;
use std::time::Duration;

use reprise_cri::v1::{ContainerConfig, ContainerEventType};
use reprise_images::Image;
use rustix::process::Signal;

use super::answer;
use super::engine::{Engine, now};
use super::failure::Failure;
use super::parking::Key;
use super::sandboxes::{CONFIG, save_config};
use super::state::{Container, ContainerRecord, Run, Sandbox};
use crate::cgroup;
use crate::disk;
use crate::shim::protocol::{CANNOT_START, Call, Exit, Outcome};
use crate::shim_client::{Shim, ShimError};
use crate::spec::{self, Place};

impl Engine {
    pub fn container(&self, id: &str) -> Result<Arc<Container>, Failure> {
        self.inventory.container(id).ok_or_else(|| Failure::NotFound { kind: "container", id: id.to_owned() })
    }

    pub async fn create_container(&self, sandbox: &str, config: ContainerConfig) -> Result<String, Failure> {
        let sandbox = self
            .inventory
            .sandbox(sandbox)
            .ok_or_else(|| Failure::NotFound { kind: "sandbox", id: sandbox.to_owned() })?;
        sandbox.lot.touch();
        let shim = sandbox.shim().filter(|_| sandbox.is_ready()).ok_or_else(|| not_ready(&sandbox))?;
        self.refuse_twin(&sandbox, &config)?;
        let image = self.image_of(&config)?;
        let (id, record) = match sandbox.lot.take(&Key::of(&config, &image)) {
            Some(parked) => {
                let record = self.write_record(&parked.id, &sandbox, &config, &image, parked.foreign_pids)?;
                (parked.id, record)
            }
            None => {
                let id = uuid::Uuid::new_v4().simple().to_string();
                let prepared = self.prepare(&id, &sandbox, &shim, &config, &image)?;
                // Written before the container is there: what is half made when the runtime dies can be cleared away.
                let record = self.write_record(&id, &sandbox, &config, &image, prepared.foreign_pids)?;
                self.make(&id, &sandbox, &shim, &prepared).await?;
                (id, record)
            }
        };
        let dir = self.layout.container(&id);
        let container = Container::new(id.clone(), dir, Arc::clone(&sandbox), config, record, Run::default());
        self.inventory.add_container(Arc::new(container));
        self.tell(&id, ContainerEventType::ContainerCreatedEvent, &sandbox);
        Ok(id)
    }

    /// The image that a container is to be made of.
    pub fn image_of(&self, config: &ContainerConfig) -> Result<Image, Failure> {
        let name = config.image.as_ref().map(|i| i.image.clone()).unwrap_or_default();
        self.images.resolve(&name)?.ok_or(Failure::NotFound { kind: "image", id: name })
    }

    /// Works out what the create helper gets.
    pub fn prepare(
        &self,
        id: &str,
        sandbox: &Sandbox,
        shim: &Shim,
        config: &ContainerConfig,
        image: &Image,
    ) -> Result<spec::Prepared, Failure> {
        let place = Place {
            id,
            folder: &self.layout.container(id),
            sandbox: &sandbox.dir,
            shim: shim.pid,
            pid_namespace: shim.pid_namespace,
            cgroup: &format!("{}/{id}", sandbox.cgroup),
            seccomp: self.seccomp.clone(),
        };
        let prepared = spec::prepare(config, image, &place)?;
        self.images.lease(&image.id, id)?;
        Ok(prepared)
    }

    fn write_record(
        &self,
        id: &str,
        sandbox: &Sandbox,
        config: &ContainerConfig,
        image: &Image,
        foreign_pids: bool,
    ) -> Result<ContainerRecord, Failure> {
        let dir = self.layout.container(id);
        disk::make_dir(dir.path())?;
        let record = ContainerRecord {
            sandbox: sandbox.id.clone(),
            created_at: now(),
            image_id: image.id.to_string(),
            image_ref: image.repo_digests.first().cloned().unwrap_or_else(|| image.id.to_string()),
            stop_signal: stop_signal(image.stop_signal()),
            foreign_pids,
            removing: false,
        };
        save_config(&dir.path().join(CONFIG), config)?;
        disk::write(&dir.record(), &record, false)?;
        Ok(record)
    }

    /// CRI wants name and attempt to be unique in a sandbox.
    fn refuse_twin(&self, sandbox: &Sandbox, config: &ContainerConfig) -> Result<(), Failure> {
        let twin = self.inventory.containers_of(&sandbox.id).into_iter().find(|c| c.config.metadata == config.metadata);
        match twin {
            Some(twin) => {
                Err(Failure::State { kind: "container", id: twin.id.clone(), state: "has the same name and attempt" })
            }
            None => Ok(()),
        }
    }

    /// Has the shim create what was prepared. What is made of a failed one is cleared away.
    pub async fn make(
        &self,
        id: &str,
        sandbox: &Sandbox,
        shim: &Shim,
        prepared: &spec::Prepared,
    ) -> Result<(), Failure> {
        let made = self.try_make(id, sandbox, shim, prepared).await;
        if made.is_err() {
            self.release(id);
        }
        made
    }

    async fn try_make(
        &self,
        id: &str,
        sandbox: &Sandbox,
        shim: &Shim,
        prepared: &spec::Prepared,
    ) -> Result<(), Failure> {
        let dir = self.layout.container(id);
        disk::make_dir(&dir.bundle())?;
        disk::write(&dir.creation(), &prepared.creation, false)?;
        disk::write(&dir.bundle().join("config.json"), &prepared.oci, false)?;
        let call = Call::Create {
            id: id.to_owned(),
            folder: dir.path().to_owned(),
            cgroup: format!("{}/{id}", sandbox.cgroup),
            foreign_pids: prepared.foreign_pids,
            streams: prepared.streams,
        };
        shim.call(call).await?;
        Ok(())
    }

    pub async fn start_container(self: &Arc<Self>, id: &str) -> Result<(), Failure> {
        let container = self.container(id)?;
        let run = container.run();
        if run.started_at.is_some() || run.exit.is_some() {
            return Err(Failure::State {
                kind: "container",
                id: container.id.clone(),
                state: "has been started already",
            });
        }
        let shim = container.sandbox.shim().ok_or_else(|| not_ready(&container.sandbox))?;
        let call = Call::Start { id: container.id.clone(), log: answer::log_path(&container) };
        match shim.call(call).await {
            Ok(Outcome::Started { at }) => {
                container.sandbox.lot.touch();
                container.started(at);
                self.park_later(&container);
                self.tell(&container.id, ContainerEventType::ContainerStartedEvent, &container.sandbox);
                Ok(())
            }
            Ok(_) => Err(ShimError::Refused("the shim did not say when it started".to_owned()).into()),
            Err(e) => {
                // Its end is on the way; who asks for its status next must see it.
                if let ShimError::Refused(message) = &e {
                    let message = message.clone();
                    let finished_at = jiff::Timestamp::now();
                    let reason = "StartError".to_owned();
                    let exit = Exit { code: CANNOT_START, reason, message, started_at: None, finished_at };
                    self.kill(&container).await?;
                    self.ended(&container, exit);
                }
                Err(e.into())
            }
        }
    }

    /// Asks the container to end and, after `grace`, makes it. Fine if it has ended or is gone.
    pub async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), Failure> {
        let Some(container) = self.inventory.container(id) else { return Ok(()) };
        let never_ran = container.run().started_at.is_none();
        if container.run().exit.is_some() {
            return Ok(());
        }
        if !grace.is_zero() && !never_ran {
            self.signal(&container, container.record.stop_signal).await?;
            if tokio::time::timeout(grace, container.wait()).await.is_ok() {
                return Ok(());
            }
        }
        self.kill(&container).await
    }

    async fn signal(&self, container: &Container, signal: i32) -> Result<(), Failure> {
        let Some(shim) = container.sandbox.shim() else { return Ok(()) };
        shim.call(Call::Signal { id: container.id.clone(), signal }).await?;
        Ok(())
    }

    /// SIGKILL, and wait for the end.
    pub async fn kill(&self, container: &Arc<Container>) -> Result<(), Failure> {
        if container.run().exit.is_none() {
            match self.signal(container, Signal::KILL.as_raw()).await {
                // Without a shim the end has been noted, or is being.
                Ok(()) | Err(Failure::Shim(ShimError::Gone(_))) => {}
                Err(e) => return Err(e),
            }
            container.wait().await;
        }
        Ok(())
    }

    /// Removes a container, ending it first if it is alive. Fine if it is gone.
    pub async fn remove_container(&self, id: &str) -> Result<(), Failure> {
        let Some(container) = self.inventory.container(id) else { return Ok(()) };
        container.sandbox.lot.touch();
        self.kill(&container).await?;
        let record = ContainerRecord { removing: true, ..container.record.clone() };
        disk::write(&container.dir.record(), &record, false)?;
        match container.sandbox.shim() {
            // The shim clears up when it has nothing better to do.
            Some(shim) => match shim.call(Call::Remove { id: container.id.clone() }).await {
                Ok(_) => {}
                Err(ShimError::Gone(_)) => clear(&container),
                Err(e) => return Err(e.into()),
            },
            None => clear(&container),
        }
        self.inventory.remove_container(&container.id);
        self.release(&container.id);
        self.tell(&container.id, ContainerEventType::ContainerDeletedEvent, &container.sandbox);
        Ok(())
    }
}

/// Clears up after a container whose shim is gone: its mounts went with it.
pub fn clear(container: &Container) {
    cgroup::kill_all(&container.cgroup);
    if !cgroup::remove(&container.cgroup) {
        tracing::warn!(cgroup = container.cgroup, "a cgroup is still busy and was not removed");
    }
    if let Err(e) = disk::remove_dir(container.dir.path()) {
        tracing::warn!(container = container.id, error = %e, "the container's folder was not removed");
    }
}

pub fn not_ready(sandbox: &Sandbox) -> Failure {
    Failure::State { kind: "sandbox", id: sandbox.id.clone(), state: "is not ready" }
}

fn stop_signal(name: &str) -> i32 {
    let plain = name.trim_start_matches("SIG");
    let known = format!("SIG{plain}").parse::<nix::sys::signal::Signal>().ok().map(|s| s as i32);
    known.or(plain.parse().ok().filter(|n| *n > 0)).unwrap_or(Signal::TERM.as_raw())
}
