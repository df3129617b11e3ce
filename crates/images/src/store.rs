//! The image store: one folder, shared by every process that opens it.
//!
//! ```text
//! index.json        what is known: images, names, layers; replaced as a whole by rename
//! lock              held (flock) while index.json is read, changed and written
//! config/<hex>      image configurations, as they came
//! l/<n>/            unpacked layers; short, because overlayfs takes a page of mount options
//! leases/<holder>   images in use, so that their layers stay
//! locks/<chain id>  held while a process makes that layer
//! tmp/<random>/     work in progress, held (flock on the folder) while its owner lives
//! ```
//!
//! Nothing is cached in memory: the agent and the CLI change the same store. A crash at any point
//! leaves the old index or the new one, and files that no index knows, which the next
//! [`ImageStore::open`] removes.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Digest;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::index::{Index, IndexGuard};
use crate::layer::Limits;
use crate::lock::FileLock;
use crate::reference::Reference;

/// The shortest start of an id that is taken for one, in digits.
const SHORT_ID_MIN: usize = 4;

/// The image store of a node. Cheap to clone; safe to use from several processes at once.
///
/// Methods that are not `async` do short file operations and may block for the time another
/// process takes to change the index. [`ImageStore::remove`], [`ImageStore::import`] and
/// [`ImageStore::put_built`] may take long: call them where blocking is allowed.
#[derive(Clone, Debug)]
pub struct ImageStore {
    pub(crate) paths: Arc<Paths>,
    pub(crate) limits: Limits,
    pub(crate) registry_config: Option<Arc<Path>>,
}

/// Where the store keeps what.
#[derive(Debug)]
pub(crate) struct Paths {
    root: PathBuf,
}

/// How much the store occupies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all unpacked files.
    pub bytes: u64,
    /// Files and folders.
    pub inodes: u64,
}

impl ImageStore {
    /// Opens the store in `dir`, making it if it is missing and removing what crashes left behind.
    pub fn open(dir: &Path) -> Result<Self> {
        make_folder(dir)?;
        let root = dir.canonicalize().map_err(|e| Error::io("open", dir, e))?;
        let paths = Paths { root };
        for folder in [paths.layers(), paths.configs(), paths.leases(), paths.locks(), paths.temporary()] {
            make_folder(&folder)?;
        }
        let store = Self { paths: Arc::new(paths), limits: Limits::default(), registry_config: None };
        store.sweep()?;
        Ok(store)
    }

    /// The same store with other bounds for the layers it takes.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same store with mirrors, certificates and plain-HTTP registries as `folder` has them: the layout of
    /// containerd's `hosts.toml` (`<folder>/<registry>/hosts.toml`). Each pull reads it anew.
    #[must_use]
    pub fn with_registry_config(mut self, folder: &Path) -> Self {
        self.registry_config = Some(folder.into());
        self
    }

    /// The store's folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.paths.root
    }

    /// Finds an image by name, by digest reference, or by id or the start of one, with or without `sha256:`.
    pub fn resolve(&self, reference: &str) -> Result<Option<Image>> {
        let index = self.read_index()?;
        let Some(found) = find(&index, reference)? else { return Ok(None) };
        self.load_if_there(&index, found.id())
    }

    /// All images, sorted by name and then id.
    pub fn list(&self) -> Result<Vec<Image>> {
        let index = self.read_index()?;
        let found = index.images.keys().map(|id| self.load_if_there(&index, id)).collect::<Result<Vec<_>>>()?;
        let mut images: Vec<Image> = found.into_iter().flatten().collect();
        images.sort_by(|a, b| (&a.repo_tags, &a.id).cmp(&(&b.repo_tags, &b.id)));
        Ok(images)
    }

    /// What all layers occupy together; shared ones count once.
    pub fn usage(&self) -> Result<Usage> {
        let index = self.read_index()?;
        let mut usage = Usage::default();
        for layer in index.layers.values() {
            usage.bytes += layer.bytes;
            usage.inodes += layer.inodes;
        }
        Ok(usage)
    }

    pub(crate) fn read_index(&self) -> Result<Index> {
        Index::read(&self.paths.index())
    }

    /// The index, to be changed: others wait until the guard is gone.
    pub(crate) fn change_index(&self) -> Result<IndexGuard> {
        let lock = FileLock::exclusive(&self.paths.lock())?;
        IndexGuard::new(lock, self.paths.index())
    }

    /// The same for an index that may be old by now: the image may have been removed since.
    fn load_if_there(&self, index: &Index, id: &Digest) -> Result<Option<Image>> {
        match self.load(index, id) {
            Err(Error::NotStored { .. }) => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// The image `id` of `index`.
    pub(crate) fn load(&self, index: &Index, id: &Digest) -> Result<Image> {
        let not_stored = || Error::NotStored { reference: id.to_string() };
        let record = index.images.get(id).ok_or_else(not_stored)?;
        let path = self.paths.config(id);
        let text = match fs::read(&path) {
            Ok(text) => text,
            // Removed since the index was read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_stored()),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let config = serde_json::from_slice(&text).map_err(|source| Error::Damaged { path, source })?;
        let layers = record.layers.iter().filter_map(|chain| index.layers.get(chain));
        let size = layers.clone().map(|layer| layer.bytes).sum::<u64>() + text.len() as u64;
        let layers = layers.map(|layer| self.paths.layer(layer.dir)).collect();
        let (mut repo_tags, mut repo_digests) = (Vec::new(), Vec::new());
        for (name, _) in index.names.iter().filter(|(_, target)| *target == id) {
            let list = if name.contains('@') { &mut repo_digests } else { &mut repo_tags };
            list.push(name.clone());
        }
        let chain_id = record.layers.last().cloned();
        Ok(Image { id: id.clone(), repo_tags, repo_digests, size, config, layers, chain_id, pinned: record.pinned })
    }
}

/// What a reference leads to.
pub(crate) enum Found {
    /// It is an id, or the start of one.
    ById(Digest),
    /// It is a name of the image with this id.
    ByName(Digest),
}

impl Found {
    pub(crate) fn id(&self) -> &Digest {
        match self {
            Self::ById(id) | Self::ByName(id) => id,
        }
    }
}

/// What `reference` stands for in `index`. A name wins over the start of an id.
pub(crate) fn find(index: &Index, reference: &str) -> Result<Option<Found>> {
    if let Some(id) = Digest::parse(reference).or_else(|| Digest::from_hex(reference)) {
        return Ok(index.images.contains_key(&id).then_some(Found::ById(id)));
    }
    if let Some(prefix) = reference.strip_prefix("sha256:").filter(|prefix| is_short_id(prefix)) {
        return Ok(by_prefix(index, prefix)?.map(Found::ById));
    }
    let name = Reference::parse(reference)?.to_string();
    match index.names.get(&name) {
        Some(id) => Ok(Some(Found::ByName(id.clone()))),
        None if is_short_id(reference) => Ok(by_prefix(index, reference)?.map(Found::ById)),
        None => Ok(None),
    }
}

fn is_short_id(text: &str) -> bool {
    (SHORT_ID_MIN..64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

pub(crate) fn by_prefix(index: &Index, prefix: &str) -> Result<Option<Digest>> {
    let found: Vec<&Digest> = index.images.keys().filter(|id| id.hex().starts_with(prefix)).collect();
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some((*only).clone())),
        several => {
            let ids = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Error::Ambiguous { prefix: prefix.to_owned(), ids })
        }
    }
}

impl Paths {
    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("index.json")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.root.join("l")
    }

    pub(crate) fn layer(&self, number: u64) -> PathBuf {
        self.root.join(format!("l/{number}"))
    }

    pub(crate) fn configs(&self) -> PathBuf {
        self.root.join("config")
    }

    pub(crate) fn config(&self, id: &Digest) -> PathBuf {
        self.configs().join(id.hex())
    }

    pub(crate) fn leases(&self) -> PathBuf {
        self.root.join("leases")
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

/// Images hold setuid programs of strangers: only root gets in.
fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| Error::io("make folder", path, e))
}
