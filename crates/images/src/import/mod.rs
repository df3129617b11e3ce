//! Importing images from archives and folders, without any registry.

mod docker;
mod oci;
mod source;

use std::io::Read;
use std::path::Path;
use std::thread;

use crate::Digest;
use crate::commit::{Claim, MadeLayer, NewImage};
use crate::digest::chain_ids;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::layer::{Blob, StagedLayer, stage};
use crate::lock::{POLL, WorkLock};
use crate::manifest::parse_config;
use crate::reference::Reference;
use crate::store::ImageStore;
use source::Source;

/// Layers that are unpacked at the same time.
const PARALLEL_LAYERS: usize = 4;
/// How often an import starts over because somebody removed a layer that it counted on.
const ROUNDS: u32 = 3;

/// An image in the source.
struct FoundImage {
    config: Vec<u8>,
    layers: Vec<LayerFile>,
    names: Vec<Reference>,
    /// A tag without a repository.
    tag: Option<String>,
    /// Digest of its manifest or index, if it has one.
    digest: Option<Digest>,
}

/// A layer in the source.
struct LayerFile {
    name: String,
    compressed: Option<Digest>,
}

/// A layer to be unpacked.
struct Job<'a> {
    position: usize,
    layer: &'a LayerFile,
    diff_id: &'a Digest,
}

impl ImageStore {
    /// Imports all images of an archive (`docker save`, OCI; also compressed) or an OCI layout
    /// folder.
    ///
    /// Names come from the archive; `name` replaces them, and is an error if the archive holds
    /// several images. An image without any name can be used by its id.
    pub fn import(&self, path: &Path, name: Option<&str>) -> Result<Vec<Image>> {
        self.import_source(&Source::open(self, path)?, name)
    }

    /// The same for an archive that comes as a stream; `what` is how errors call it.
    pub fn import_stream(&self, stream: impl Read, what: &str, name: Option<&str>) -> Result<Vec<Image>> {
        self.import_source(&Source::spool(self, stream, what)?, name)
    }

    fn import_source(&self, source: &Source, name: Option<&str>) -> Result<Vec<Image>> {
        let mut images = if source.has(oci::MARKER) && source.has(oci::INDEX) {
            oci::images(source)?
        } else if source.has(docker::MANIFEST) {
            docker::images(source)?
        } else {
            let reason = format!("neither {} nor {} is in it", docker::MANIFEST, oci::INDEX);
            return Err(source.invalid(reason));
        };
        if let Some(name) = name {
            rename(source, &mut images, name)?;
        }
        images.iter().map(|image| self.import_image(source, image)).collect()
    }

    fn import_image(&self, source: &Source, found: &FoundImage) -> Result<Image> {
        let what = source.what();
        let (_, diff_ids) = parse_config(&what, &found.config, found.layers.len())?;
        let chain = chain_ids(&diff_ids);
        for _ in 0..ROUNDS {
            let work = self.work_dir()?;
            let locks = self.claim_all_blocking(&chain)?;
            let made = self.unpack_layers(source, found, (&diff_ids, &chain), locks, work.path())?;
            if !made.is_empty() {
                self.sync()?;
            }
            let image = NewImage {
                config: found.config.clone(),
                chain: chain.clone(),
                names: found.all_names(),
                pinned: false,
            };
            if let Some(image) = self.commit(&[image], &made)?.and_then(|images| images.into_iter().next()) {
                return Ok(image);
            }
        }
        Err(Error::Contended { reference: what })
    }

    /// Unpacks the layers whose locks are ours, several at a time.
    fn unpack_layers(
        &self,
        source: &Source,
        found: &FoundImage,
        (diff_ids, chain): (&[Digest], &[Digest]),
        locks: Vec<Option<WorkLock>>,
        work: &Path,
    ) -> Result<Vec<MadeLayer>> {
        let missing = locks.into_iter().enumerate().filter_map(|(position, lock)| Some((position, lock?)));
        let job =
            |(position, lock)| (Job { position, layer: &found.layers[position], diff_id: &diff_ids[position] }, lock);
        let mut jobs: Vec<(Job<'_>, WorkLock)> = missing.map(job).collect();
        let mut made = Vec::new();
        while !jobs.is_empty() {
            let batch: Vec<_> = jobs.drain(..jobs.len().min(PARALLEL_LAYERS)).collect();
            let staged = self.stage_batch(source, work, &batch)?;
            for ((job, lock), staged) in batch.into_iter().zip(staged) {
                made.push(MadeLayer { chain_id: chain[job.position].clone(), staged, _lock: lock });
            }
        }
        Ok(made)
    }

    /// Unpacks some layers, each in a thread of its own.
    fn stage_batch(&self, source: &Source, work: &Path, batch: &[(Job<'_>, WorkLock)]) -> Result<Vec<StagedLayer>> {
        thread::scope(|scope| {
            let threads: Vec<_> = batch
                .iter()
                .map(|(job, _)| {
                    scope.spawn(move || {
                        let blob = Blob { diff_id: job.diff_id, compressed: job.layer.compressed.as_ref() };
                        let target = work.join(job.position.to_string());
                        stage(source.read(&job.layer.name)?, &target, &blob, self.limits)
                    })
                })
                .collect();
            let interrupted = || Error::Interrupted { reference: source.what() };
            threads.into_iter().map(|thread| thread.join().map_err(|_| interrupted())?).collect()
        })
    }

    /// Waits until each layer is present or ours to make; see [`ImageStore::claim`] for the order.
    pub(crate) fn claim_all_blocking(&self, chain: &[Digest]) -> Result<Vec<Option<WorkLock>>> {
        let mut locks = Vec::with_capacity(chain.len());
        for chain_id in chain {
            locks.push(loop {
                match self.claim(chain_id)? {
                    Claim::Present => break None,
                    Claim::Ours(lock) => break Some(lock),
                    Claim::Busy => thread::sleep(POLL),
                }
            });
        }
        Ok(locks)
    }
}

impl FoundImage {
    /// Its names, and the same repositories at its digest.
    fn all_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.iter().map(Reference::to_string).collect();
        if let Some(digest) = &self.digest {
            names.extend(self.names.iter().map(|name| name.at(digest.clone()).to_string()));
        }
        names
    }
}

/// Gives the only image the name that the user asked for.
fn rename(source: &Source, images: &mut [FoundImage], name: &str) -> Result<()> {
    let mut reference = Reference::parse(name)?;
    let [image] = images else {
        return Err(source.invalid(format!("it holds {} images; a name can be given to one only", images.len())));
    };
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    if let Some(tag) = image.tag.as_deref().filter(|_| !has_tag) {
        reference = reference.tagged(tag)?;
    }
    image.names = vec![reference];
    Ok(())
}
