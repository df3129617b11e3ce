//! Making a new image visible: all of it at once, or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::syncfs;

use crate::Digest;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::index::{ImageRecord, IndexGuard, LayerRecord, replace};
use crate::layer::StagedLayer;
use crate::lock::WorkLock;
use crate::store::ImageStore;

/// An image whose layers are in the store or staged.
pub(crate) struct NewImage {
    /// The configuration as it came; its digest is the id.
    pub config: Vec<u8>,
    /// Chain ids, bottom first.
    pub chain: Vec<Digest>,
    /// Normalised names that shall point to it.
    pub names: Vec<String>,
    pub pinned: bool,
}

/// A layer that this process makes, and the right to make it.
pub(crate) struct MadeLayer {
    pub chain_id: Digest,
    pub staged: StagedLayer,
    pub _lock: WorkLock,
}

/// Whether a layer has to be made.
pub(crate) enum Claim {
    /// It is in the store.
    Present,
    /// It is not, and nobody else makes it.
    Ours(WorkLock),
    /// Another process or task is making it.
    Busy,
}

impl ImageStore {
    /// Asks for the right to make a layer. Layers of an image must be claimed bottom first and one
    /// after the other: images share only the bottom of their chains, so that two processes can
    /// never wait for each other.
    pub(crate) fn claim(&self, chain_id: &Digest) -> Result<Claim> {
        if self.read_index()?.layers.contains_key(chain_id) {
            return Ok(Claim::Present);
        }
        let Some(lock) = WorkLock::try_take(&self.paths.locks().join(chain_id.hex()))? else { return Ok(Claim::Busy) };
        // Its last holder may just have finished.
        let present = self.read_index()?.layers.contains_key(chain_id);
        Ok(if present { Claim::Present } else { Claim::Ours(lock) })
    }

    /// Adds `images`, which may share the layers in `made`, under one change of the index.
    ///
    /// `None` if a layer that was present when it was claimed has been removed since: then nothing
    /// was changed, and the images have to be made again.
    pub(crate) fn commit(&self, images: &[NewImage], made: &[MadeLayer]) -> Result<Option<Vec<Image>>> {
        self.settle_attributes(images, made)?;
        let mut guard = self.change_index()?;
        let at_hand = |chain_id| {
            guard.index.layers.contains_key(chain_id) || made.iter().any(|layer| layer.chain_id == *chain_id)
        };
        if !images.iter().flat_map(|image| &image.chain).all(at_hand) {
            return Ok(None);
        }
        if let Err(error) = self.record(&mut guard, images, made) {
            self.take_back(&guard, made);
            return Err(error);
        }
        images.iter().map(|image| self.load(&guard.index, &Digest::of(&image.config))).collect::<Result<_>>().map(Some)
    }

    /// Writes all files out. Layers are folders full of them: without this, a power cut could leave
    /// empty ones behind an index that calls them complete.
    pub(crate) fn sync(&self) -> Result<()> {
        let open = fs::File::open(self.dir()).map_err(|e| Error::io("open", self.dir(), e))?;
        syncfs(open).map_err(|e| Error::io("write out", self.dir(), e))
    }

    fn record(&self, guard: &mut IndexGuard, images: &[NewImage], made: &[MadeLayer]) -> Result<()> {
        for layer in made {
            let dir = guard.index.take_layer_number();
            let target = self.paths.layer(dir);
            fs::rename(&layer.staged.path, &target).map_err(|e| Error::io("move a layer to", &target, e))?;
            let record = LayerRecord { dir, bytes: layer.staged.bytes, inodes: layer.staged.inodes };
            guard.index.layers.insert(layer.chain_id.clone(), record);
        }
        for image in images {
            self.add(guard, image)?;
        }
        guard.save()
    }

    fn add(&self, guard: &mut IndexGuard, image: &NewImage) -> Result<()> {
        let id = Digest::of(&image.config);
        let path = self.paths.config(&id);
        if !path.exists() {
            replace(&path, &image.config)?;
        }
        let index = &mut guard.index;
        let pinned = image.pinned || index.images.get(&id).is_some_and(|known| known.pinned);
        index.images.insert(id.clone(), ImageRecord { layers: image.chain.clone(), pinned });
        index.names.extend(image.names.iter().map(|name| (name.clone(), id.clone())));
        Ok(())
    }

    /// Moves layers back, so that they go with the work folder. What fails here is swept later.
    fn take_back(&self, guard: &IndexGuard, made: &[MadeLayer]) {
        for layer in made {
            let Some(record) = guard.index.layers.get(&layer.chain_id) else { continue };
            let path = self.paths.layer(record.dir);
            if let Err(error) = fs::rename(&path, &layer.staged.path) {
                tracing::warn!(path = %path.display(), %error, "cannot take back a layer");
            }
        }
    }

    /// Gives folders that a layer does not describe the attributes they have below it.
    fn settle_attributes(&self, images: &[NewImage], made: &[MadeLayer]) -> Result<()> {
        let index = self.read_index()?;
        let path_of = |chain_id: &Digest| -> Option<PathBuf> {
            let staged = made.iter().find(|layer| layer.chain_id == *chain_id).map(|layer| layer.staged.path.clone());
            staged.or_else(|| index.layers.get(chain_id).map(|layer| self.paths.layer(layer.dir)))
        };
        for image in images {
            let mut below: Vec<PathBuf> = Vec::new();
            for chain_id in &image.chain {
                if let Some(layer) = made.iter().find(|layer| layer.chain_id == *chain_id) {
                    let below: Vec<&Path> = below.iter().map(PathBuf::as_path).collect();
                    layer.staged.inherit(&below)?;
                }
                below.splice(0..0, path_of(chain_id));
            }
        }
        Ok(())
    }
}
