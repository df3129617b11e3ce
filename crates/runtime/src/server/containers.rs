//! Creating and starting containers.

use std::path::Path;
use std::sync::Arc;

use reprise_cri::v1::ContainerConfig;
use reprise_images::Image;

use super::answer;
use super::engine::{Engine, now};
use super::failure::Failure;
use super::names;
use super::parking::{Key, Parked};
use super::sandboxes::{CONFIG, save_config};
use super::state::{Container, ContainerRecord, Run, Sandbox};
use crate::disk::{self, DiskError};
use crate::shim::protocol::{CANNOT_START, Call, Exit, Outcome, StreamsWanted};
use crate::shim_client::{Shim, ShimError};
use crate::spec::{self, Place, SpecError};
use crate::stop_signal;

impl Engine {
    pub fn container(&self, id: &str) -> Result<Arc<Container>, Failure> {
        self.inventory.container(id)?.ok_or_else(|| Failure::NotFound { kind: "container", id: id.to_owned() })
    }

    pub async fn create_container(&self, sandbox: &str, config: ContainerConfig) -> Result<String, Failure> {
        let missing = |id: &str| Failure::NotFound { kind: "sandbox", id: id.to_owned() };
        let sandbox = self.inventory.sandbox(sandbox)?.ok_or_else(|| missing(sandbox))?;
        let _changing = sandbox.changing.read().await;
        if self.inventory.sandbox(&sandbox.id)?.is_none() {
            return Err(missing(&sandbox.id));
        }
        sandbox.lot.touch();
        let shim = sandbox.shim().filter(|_| sandbox.is_ready()).ok_or_else(|| not_ready(&sandbox))?;
        let name = unique_name(&sandbox, &config)?;
        let exists = |of| Failure::Exists { kind: "container", name: name.clone(), of };
        let _name = self.names.take(name.clone()).ok_or_else(|| exists(None))?;
        let twin = self.inventory.containers_of(&sandbox.id).into_iter().find(|c| c.config.metadata == config.metadata);
        if let Some(twin) = twin {
            return Err(exists(Some(twin.id.clone())));
        }
        let image = self.image_of(&config)?;
        let parked = sandbox.lot.take(&Key::of(&config, &image));
        let (made, creating) = match parked {
            Some(Parked { made, creating }) => (made, Some(creating)),
            None => (self.lay_out(&sandbox, &shim, &config, &image)?, None),
        };
        let record = record_of(&sandbox, &config, &image, &made);
        if let Err(e) = self.write_record(&made.id, &config, &record) {
            self.abandon(&made.id, &sandbox).await;
            return Err(e);
        }
        let id = made.id;
        let dir = self.layout.container(&id);
        let container = Arc::new(Container::new(id, dir, Arc::clone(&sandbox), config, record, Run::default()));
        self.created(&container);
        match creating {
            Some(creating) => container.being_created(creating),
            None => {
                if let Err(e) = begin_creation(&shim, &container) {
                    self.removed(&container);
                    self.abandon(&container.id, &sandbox).await;
                    return Err(e.into());
                }
            }
        }
        Ok(container.id.clone())
    }

    /// Writes what the create helper needs. The record comes last: a folder with one has all that it needs.
    pub fn lay_out(
        &self,
        sandbox: &Sandbox,
        shim: &Shim,
        config: &ContainerConfig,
        image: &Image,
    ) -> Result<Made, Failure> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let prepared = self.prepare(&id, sandbox, shim, config, image)?;
        if let Err(e) = self.write_bundle(&id, &prepared) {
            self.release(&id);
            disk::remove_dir(self.layout.container(&id).path())?;
            return Err(e);
        }
        Ok(Made { id, foreign_pids: prepared.foreign_pids, user: prepared.user })
    }

    /// The image that a container is to be made of.
    pub fn image_of(&self, config: &ContainerConfig) -> Result<Image, Failure> {
        let name = config.image.as_ref().map(|i| i.image.clone()).unwrap_or_default();
        self.images.resolve(&name)?.ok_or(Failure::NotFound { kind: "image", id: name })
    }

    /// Works out what the create helper gets.
    fn prepare(
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
            sandbox_config: &sandbox.config,
            shim: shim.pid,
            pid_namespace: shim.pid_namespace,
            target: self.target(sandbox, config)?,
            cgroup: &format!("{}/{id}", sandbox.cgroup),
            seccomp: &self.seccomp,
        };
        let prepared = spec::prepare(config, image, &place)?;
        self.images.lease(&image.id, id)?;
        Ok(prepared)
    }

    /// The first process of the container whose PID namespace is to be joined, if one is.
    fn target(&self, sandbox: &Sandbox, config: &ContainerConfig) -> Result<Option<i32>, Failure> {
        let Some(id) = spec::pid_target(config) else { return Ok(None) };
        let wrong = |why| SpecError::Target { id: id.to_owned(), why };
        let target = self.inventory.container(id)?.filter(|c| c.sandbox.id == sandbox.id);
        let target = target.ok_or_else(|| wrong("there is no such container in this sandbox"))?;
        let run = target.run();
        let pid = target.pid().filter(|_| run.started_at.is_some() && run.exit.is_none());
        Ok(Some(pid.ok_or_else(|| wrong("it is not running"))?))
    }

    fn write_record(&self, id: &str, config: &ContainerConfig, record: &ContainerRecord) -> Result<(), Failure> {
        let dir = self.layout.container(id);
        disk::make_dir(dir.path())?;
        save_config(&dir.path().join(CONFIG), config)?;
        disk::write(&dir.record(), record, false)?;
        Ok(())
    }

    fn write_bundle(&self, id: &str, prepared: &spec::Prepared) -> Result<(), Failure> {
        let dir = self.layout.container(id);
        disk::make_dir(&dir.bundle())?;
        disk::write(&dir.creation(), &prepared.creation, false)?;
        disk::write(&dir.bundle().join("config.json"), &prepared.oci, false)?;
        if let Some(filters) = &prepared.filters {
            filters.save(&dir.seccomp()).map_err(DiskError::io("write", &dir.seccomp()))?;
        }
        Ok(())
    }

    pub async fn start_container(self: &Arc<Self>, id: &str) -> Result<(), Failure> {
        let container = self.container(id)?;
        let _changing = container.sandbox.changing.read().await;
        let _turn = container.turn.lock().await;
        self.still_there(&container)?;
        let run = container.run();
        if let Some(exit) = run.exit.as_ref().filter(|exit| exit.started_at.is_none() && exit.code == CANNOT_START) {
            return Err(ShimError::Refused(exit.message.clone()).into());
        }
        if run.started_at.is_some() || run.exit.is_some() {
            let state = if run.exit.is_some() { "has ended" } else { "has been started already" };
            return Err(Failure::State { kind: "container", id: container.id.clone(), state });
        }
        let shim = container.sandbox.shim().ok_or_else(|| not_ready(&container.sandbox))?;
        let call = Call::Start { id: container.id.clone(), log: answer::log_path(&container) };
        match shim.call(call).await {
            Ok(Outcome::Started { at }) => {
                container.sandbox.lot.touch();
                self.started(&container, at);
                self.park_later(&container);
                container.remember_start(at);
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
                    self.kill_now(&container).await?;
                    self.ended(&container, exit);
                }
                Err(e.into())
            }
        }
    }

    /// A container that was found before its turn came may be gone by now.
    pub fn still_there(&self, container: &Container) -> Result<(), Failure> {
        let there = self.inventory.has_container(&container.id);
        if there { Ok(()) } else { Err(Failure::NotFound { kind: "container", id: container.id.clone() }) }
    }
}

/// Has the shim create a recorded container. That is not waited for: what is asked of the container next waits in the
/// shim, and one that can't be created has ended, as other runtimes have it, before it is started.
pub fn begin_creation(shim: &Shim, container: &Container) -> Result<(), ShimError> {
    let (id, folder, sandbox) = (&container.id, container.dir.path(), &container.sandbox);
    let streams = spec::streams(&container.config);
    let creating = shim.begin(creation(id, folder, sandbox, container.record.foreign_pids, streams))?;
    container.being_created(creating);
    Ok(())
}

/// What the shim is asked for.
pub fn creation(id: &str, folder: &Path, sandbox: &Sandbox, foreign_pids: bool, streams: StreamsWanted) -> Call {
    let (id, folder, cgroup) = (id.to_owned(), folder.to_owned(), format!("{}/{id}", sandbox.cgroup));
    Call::Create { id, folder, cgroup, foreign_pids, streams }
}

/// A container that was made, whoever for.
#[derive(Debug)]
pub struct Made {
    pub id: String,
    pub foreign_pids: bool,
    pub user: spec::user::User,
}

fn record_of(sandbox: &Sandbox, config: &ContainerConfig, image: &Image, made: &Made) -> ContainerRecord {
    ContainerRecord {
        sandbox: sandbox.id.clone(),
        created_at: now(),
        image_id: image.id.to_string(),
        image_ref: image.repo_digests.first().cloned().unwrap_or_else(|| image.id.to_string()),
        stop_signal: stop_signal::of(config.stop_signal(), image.stop_signal()),
        foreign_pids: made.foreign_pids,
        user: made.user.clone(),
        removing: false,
    }
}

/// CRI wants name and attempt to be unique in a sandbox.
fn unique_name(sandbox: &Sandbox, config: &ContainerConfig) -> Result<String, Failure> {
    let metadata = config.metadata.as_ref().ok_or(Failure::Missing("container metadata"))?;
    if metadata.name.is_empty() {
        return Err(Failure::Missing("container name"));
    }
    Ok(names::of_container(&sandbox.id, metadata))
}

pub fn not_ready(sandbox: &Sandbox) -> Failure {
    Failure::State { kind: "sandbox", id: sandbox.id.clone(), state: "is not ready" }
}
