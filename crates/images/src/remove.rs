//! Removing images, and the layers that nothing needs any more.

use std::collections::HashSet;
use std::fs;

use crate::Digest;
use crate::error::{Error, Result};
use crate::index::{Index, IndexGuard};
use crate::reference::Reference;
use crate::store::{Found, ImageStore, find};
use crate::work::WorkDir;

/// What [`ImageStore::remove`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that are gone.
    pub untagged: Vec<String>,
    /// The image, if that was its last name.
    pub deleted: Option<Digest>,
}

impl ImageStore {
    /// Removes a name, or by id an image with all its names.
    ///
    /// With the last name goes the image, and with it the layers that no other image uses. Layers
    /// that containers use stay until their leases are released.
    pub fn remove(&self, reference: &str) -> Result<Removed> {
        let mut guard = self.change_index()?;
        let not_stored = || Error::NotStored { reference: reference.to_owned() };
        let found = find(&guard.index, reference)?.ok_or_else(not_stored)?;
        let id = found.id().clone();
        if guard.index.images.get(&id).is_some_and(|image| image.pinned) {
            return Err(Error::Pinned { reference: reference.to_owned() });
        }
        let untagged = names_to_remove(&guard.index, &found, reference)?;
        for name in &untagged {
            guard.index.names.remove(name);
        }
        if guard.index.names.values().any(|target| *target == id) {
            guard.save()?;
            return Ok(Removed { untagged, deleted: None });
        }
        guard.index.images.remove(&id);
        let trash = self.collect(&mut guard)?;
        drop(guard);
        drop(trash);
        Ok(Removed { untagged, deleted: Some(id) })
    }

    /// Saves the index without the layers that nothing needs, and moves their folders, with the
    /// configurations of images that are gone, to a work folder that the caller drops once the
    /// index is unlocked: deleting takes long.
    pub(crate) fn collect(&self, guard: &mut IndexGuard) -> Result<WorkDir> {
        let mut needed: HashSet<Digest> = HashSet::new();
        for image in guard.index.images.values() {
            needed.extend(image.layers.iter().cloned());
        }
        for lease in self.leases()? {
            needed.extend(lease.layers().iter().cloned());
        }
        let trash = self.work_dir_locked()?;
        let dropped: Vec<u64> = guard
            .index
            .layers
            .extract_if(.., |chain_id, _| !needed.contains(chain_id))
            .map(|(_, layer)| layer.dir)
            .collect();
        guard.save()?;
        for dir in dropped {
            let path = self.paths.layer(dir);
            fs::rename(&path, trash.path().join(dir.to_string())).map_err(|e| Error::io("move", &path, e))?;
        }
        self.remove_stray_configs(guard)?;
        Ok(trash)
    }
}

/// By id all names; by name that one, and if it is the repository's last tag its digests too.
fn names_to_remove(index: &Index, found: &Found, reference: &str) -> Result<Vec<String>> {
    let all = || index.names.iter().filter(|(_, target)| *target == found.id()).map(|(name, _)| name.clone());
    if matches!(found, Found::ById(_)) {
        return Ok(all().collect());
    }
    let reference = Reference::parse(reference)?;
    let name = reference.to_string();
    let tags = format!("{}:", reference.name());
    let digests = format!("{}@", reference.name());
    let other_tags = all().any(|other| other != name && other.starts_with(&tags));
    Ok(all().filter(|other| *other == name || (!other_tags && other.starts_with(&digests))).collect())
}
