//! Pulling an image from a registry.

mod body;
mod challenge;
mod credentials;
mod fetch;
mod host;
mod progress;
mod refusal;
mod registry;
mod token;

use std::sync::Arc;

use futures::future::try_join_all;
use tokio::sync::{Semaphore, mpsc};

pub use credentials::{Credentials, DockerConfig, Logins};
pub use progress::{LayerProgress, Progress, ProgressSink};

use crate::Digest;
use crate::commit::{Claim, MadeLayer, NewImage};
use crate::digest::chain_ids;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::lock::{POLL, WorkLock};
use crate::manifest::{Descriptor, ImageManifest, Manifest, choose, parse_config};
use crate::reference::{Reference, Version};
use crate::store::ImageStore;
use crate::work::WorkDir;
use fetch::Job;
use registry::Registry;

/// Layers of one image that are downloaded and unpacked at the same time.
const PARALLEL_LAYERS: usize = 4;
/// Indexes may point at indexes, but not for ever.
const INDEX_DEPTH: u32 = 3;
/// How often a pull starts over because somebody removed a layer that it counted on.
const ROUNDS: u32 = 3;

/// An image whose documents are known and proven.
struct Plan {
    registry: Registry,
    reference: String,
    config: Vec<u8>,
    layers: Vec<Descriptor>,
    diff_ids: Vec<Digest>,
    chain: Vec<Digest>,
    names: Vec<String>,
}

impl Plan {
    /// What to tell about it once it is known which layers are missing.
    fn resolved(&self, locks: &[Option<WorkLock>]) -> Progress {
        let layers = self.layers.iter().zip(locks);
        let layers = layers.map(|(layer, lock)| LayerProgress {
            digest: layer.digest.clone(),
            size: layer.size,
            present: lock.is_none(),
        });
        Progress::Resolved { id: Digest::of(&self.config), layers: layers.collect() }
    }
}

impl ImageStore {
    /// Pulls an image, or finds that the store has what the registry has.
    ///
    /// Registries on this machine (`localhost`, `127.0.0.0/8`, `[::1]`) are spoken to by plain
    /// HTTP, all others by HTTPS, unless [`ImageStore::with_registry_config`] says otherwise. Dropping the future ends
    /// the pull and leaves nothing behind. `progress` may be `&()`.
    pub async fn pull(&self, reference: &str, logins: &Logins, progress: &dyn ProgressSink) -> Result<Image> {
        let reference = Reference::parse(reference)?;
        let registry = Registry::open(self.registry_config.as_deref(), &reference, logins)?;
        let plan = plan(&reference, registry).await?;
        for _ in 0..ROUNDS {
            if let Some(image) = self.fetch(&plan, progress).await? {
                return Ok(image);
            }
        }
        Err(Error::Contended { reference: plan.reference })
    }

    /// Fetches what is missing and adds the image. `None` if layers vanished meanwhile.
    async fn fetch(&self, plan: &Plan, progress: &dyn ProgressSink) -> Result<Option<Image>> {
        let locks = self.claim_all(&plan.chain).await?;
        progress.report(plan.resolved(&locks));
        let work = Arc::new(self.work_dir()?);
        let made = self.fetch_layers(plan, locks, &work, progress).await?;
        let image = NewImage {
            config: plan.config.clone(),
            chain: plan.chain.clone(),
            names: plan.names.clone(),
            pinned: false,
        };
        let store = self.clone();
        let committed = tokio::task::spawn_blocking(move || {
            if !made.is_empty() {
                store.sync()?;
            }
            let committed = store.commit(&[image], &made)?;
            drop(work);
            Ok::<_, Error>(committed)
        });
        let committed = committed.await.map_err(|_| Error::Interrupted { reference: plan.reference.clone() })??;
        Ok(committed.and_then(|images| images.into_iter().next()))
    }

    /// Downloads and unpacks the layers whose locks are ours, several at a time.
    async fn fetch_layers(
        &self,
        plan: &Plan,
        locks: Vec<Option<WorkLock>>,
        work: &Arc<WorkDir>,
        progress: &dyn ProgressSink,
    ) -> Result<Vec<MadeLayer>> {
        let permits = &Semaphore::new(PARALLEL_LAYERS);
        let (working, mut ended) = mpsc::channel(1);
        let missing = locks.into_iter().enumerate().filter_map(|(position, lock)| Some((position, lock?)));
        let jobs = missing.map(|(position, lock)| {
            let job = Job {
                registry: &plan.registry,
                descriptor: &plan.layers[position],
                diff_id: &plan.diff_ids[position],
                position,
                work,
                working: &working,
                limits: self.limits,
                progress,
            };
            let chain_id = plan.chain[position].clone();
            async move {
                // Never closed, so a permit always comes.
                let _permit = permits.acquire().await;
                job.run().await.map(|staged| MadeLayer { chain_id, staged, _lock: lock })
            }
        });
        let made = try_join_all(jobs).await;
        // If one layer has failed, threads of others may still be writing: they notice at once.
        drop(working);
        ended.recv().await;
        made
    }

    /// Waits until each layer is present or ours to make; see [`ImageStore::claim`] for the order.
    async fn claim_all(&self, chain: &[Digest]) -> Result<Vec<Option<WorkLock>>> {
        let mut locks = Vec::with_capacity(chain.len());
        for chain_id in chain {
            locks.push(loop {
                match self.claim(chain_id)? {
                    Claim::Present => break None,
                    Claim::Ours(lock) => break Some(lock),
                    Claim::Busy => tokio::time::sleep(POLL).await,
                }
            });
        }
        Ok(locks)
    }
}

/// Asks the registry for manifest and configuration.
async fn plan(reference: &Reference, registry: Registry) -> Result<Plan> {
    let what = reference.to_string();
    let (manifest, digest) = resolve(&registry, reference).await?;
    let config = registry.document(&manifest.config).await?;
    let (_, diff_ids) = parse_config(&what, &config, manifest.layers.len())?;
    let chain = chain_ids(&diff_ids);
    let mut names = vec![reference.at(digest).to_string()];
    if matches!(reference.version(), Version::Tag(_)) {
        names.push(what.clone());
    }
    Ok(Plan { registry, reference: what, config, layers: manifest.layers, diff_ids, chain, names })
}

/// The manifest for this machine, and the digest that the reference itself stands for.
async fn resolve(registry: &Registry, reference: &Reference) -> Result<(ImageManifest, Digest)> {
    let what = reference.to_string();
    let (text, digest) = registry.manifest(reference).await?;
    let mut manifest = Manifest::parse(&what, &text)?;
    for _ in 0..INDEX_DEPTH {
        match manifest {
            Manifest::Image(image) => return Ok((image, digest)),
            Manifest::Index(entries) => {
                let chosen = choose(&what, &entries)?;
                let (text, _) = registry.manifest(&reference.at(chosen.digest.clone())).await?;
                manifest = Manifest::parse(&what, &text)?;
            }
        }
    }
    match manifest {
        Manifest::Image(image) => Ok((image, digest)),
        Manifest::Index(_) => Err(Error::InvalidImage { what, reason: "its index points at indexes only".to_owned() }),
    }
}
