//! Images that this program makes for itself, from files at hand.
//!
//! The built-in image is a layer with the running binary. Making it must cost nothing when the
//! binary is the same as last time, so the layer's identity is not the digest of an archive but of
//! a description: names, modes, contents given in memory, and for files on disk what `stat` says
//! (size, times, inode). A file's content is copied by reflink where the file system can. It is never
//! hard-linked: the layer would change whenever somebody writes to the original in place, and
//! setting its owner and mode would change the original.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oci_spec::image::{Config, ImageConfiguration, RootFs};

use crate::Digest;
use crate::commit::{MadeLayer, NewImage};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::layer::{EntryName, Metadata, StagedLayer, Tree, UnpackError, make_root};
use crate::manifest::architecture;
use crate::reference::Reference;
use crate::store::ImageStore;

/// How often making an image starts over because somebody removed a layer that it counted on.
const ROUNDS: u32 = 3;

/// A file of a built image, owned by root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltFile {
    /// Name without leading slash.
    pub name: String,
    /// Permission bits; without meaning for a symlink.
    pub mode: u32,
    /// What it is.
    pub content: BuiltContent,
}

/// What a [`BuiltFile`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuiltContent {
    /// A folder.
    Folder,
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A copy of this file.
    File(PathBuf),
    /// A symlink to here.
    Symlink(String),
}

/// An image on top of a built layer.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltImage {
    /// Its name.
    pub reference: String,
    /// Entry point, environment, user and so on.
    pub config: Config,
}

impl ImageStore {
    /// Makes `images`, which all have the one layer `files`, and gives them in the same order.
    ///
    /// Does nothing if they are there already. They are pinned; one that has lost its last name to
    /// a newer image is removed.
    pub fn put_built(&self, files: &[BuiltFile], images: &[BuiltImage]) -> Result<Vec<Image>> {
        let layer = describe(files)?;
        let new = images.iter().map(|image| new_image(&layer, image)).collect::<Result<Vec<_>>>()?;
        if let Some(images) = self.built_already(&new)? {
            return Ok(images);
        }
        for _ in 0..ROUNDS {
            let work = self.work_dir()?;
            let mut made = Vec::new();
            for lock in self.claim_all_blocking(std::slice::from_ref(&layer))?.into_iter().flatten() {
                let path = work.path().join("layer");
                make_root(&path)?;
                let staged = build(&path, files).map_err(|e| Error::unpack(&layer, &path, e))?;
                made.push(MadeLayer { chain_id: layer.clone(), staged, _lock: lock });
            }
            if let Some(images) = self.commit(&new, &made)? {
                self.remove_superseded()?;
                return Ok(images);
            }
        }
        Err(Error::Contended { reference: layer.to_string() })
    }

    fn built_already(&self, new: &[NewImage]) -> Result<Option<Vec<Image>>> {
        let index = self.read_index()?;
        let mut images = Vec::with_capacity(new.len());
        for image in new {
            let id = Digest::of(&image.config);
            let named = image.names.iter().all(|name| index.names.get(name) == Some(&id));
            let layers = image.chain.iter().all(|chain_id| index.layers.contains_key(chain_id));
            if !named || !layers || !index.images.contains_key(&id) {
                return Ok(None);
            }
            images.push(self.load(&index, &id)?);
        }
        Ok(Some(images))
    }

    /// Removes built images without a name: the program has been replaced by another build.
    fn remove_superseded(&self) -> Result<()> {
        let mut guard = self.change_index()?;
        let index = &mut guard.index;
        let before = index.images.len();
        index.images.retain(|id, image| !image.pinned || index.names.values().any(|target| target == id));
        if index.images.len() == before {
            return Ok(());
        }
        let trash = self.collect(&mut guard)?;
        drop(guard);
        drop(trash);
        Ok(())
    }
}

/// The layer's identity.
fn describe(files: &[BuiltFile]) -> Result<Digest> {
    let mut text = Vec::new();
    for file in files {
        let content = match &file.content {
            BuiltContent::Folder => "folder".to_owned(),
            BuiltContent::Bytes(bytes) => Digest::of(bytes).to_string(),
            BuiltContent::Symlink(target) => format!("symlink {target:?}"),
            BuiltContent::File(path) => {
                let stat = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
                let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
                format!("file {} {} {} {times:?}", stat.dev(), stat.ino(), stat.size())
            }
        };
        text.extend_from_slice(format!("{:?} {:o} {content}\n", file.name, file.mode).as_bytes());
    }
    Ok(Digest::of(&text))
}

fn new_image(layer: &Digest, image: &BuiltImage) -> Result<NewImage> {
    let reference = Reference::parse(&image.reference)?;
    let mut rootfs = RootFs::default();
    rootfs.set_typ("layers".to_owned()).set_diff_ids(vec![layer.to_string()]);
    let mut config = ImageConfiguration::default();
    config
        .set_architecture(architecture().into())
        .set_os("linux".into())
        .set_config(Some(image.config.clone()))
        .set_rootfs(rootfs);
    let invalid = |e: serde_json::Error| Error::InvalidImage { what: image.reference.clone(), reason: e.to_string() };
    // Through a value: maps of the configuration have no order of their own, its keys then have.
    let value = serde_json::to_value(&config).map_err(invalid)?;
    let config = serde_json::to_vec(&value).map_err(invalid)?;
    Ok(NewImage { config, chain: vec![layer.clone()], names: vec![reference.to_string()], pinned: true })
}

fn build(path: &Path, files: &[BuiltFile]) -> std::result::Result<StagedLayer, UnpackError> {
    let mut tree = Tree::open(path)?;
    let mut bytes = 0;
    for file in files {
        let Some(name) = EntryName::parse(file.name.as_bytes())? else { continue };
        let metadata = Metadata::root(file.mode);
        match &file.content {
            BuiltContent::Folder => tree.directory(&name, &metadata)?,
            BuiltContent::Symlink(target) => tree.symlink(&name, OsStr::new(target), &metadata)?,
            BuiltContent::Bytes(content) => {
                bytes += write(&mut tree, &name, &metadata, |out| out.write_all(content))?;
            }
            BuiltContent::File(source) => {
                bytes += write(&mut tree, &name, &metadata, |out| copy(source, out))?;
            }
        }
    }
    let inodes = files.len() as u64 + 1;
    Ok(StagedLayer { path: path.to_path_buf(), implicit: tree.finish()?, bytes, inodes })
}

fn write(
    tree: &mut Tree,
    name: &EntryName,
    metadata: &Metadata,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> std::result::Result<u64, UnpackError> {
    let mut file = tree.file(name)?;
    let io_error = |e: io::Error| UnpackError::io("write", name.path(), e);
    fill(&mut file).map_err(io_error)?;
    tree.finish_file(name, &file, metadata)?;
    file.metadata().map(|metadata| metadata.len()).map_err(io_error)
}

/// Shares the blocks where the file system can, and copies otherwise.
fn copy(source: &Path, target: &mut File) -> io::Result<()> {
    let mut source = File::open(source)?;
    if rustix::fs::ioctl_ficlone(&*target, &source).is_err() {
        io::copy(&mut source, target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    fn image(reference: &str, entrypoint: &str) -> BuiltImage {
        let mut config = Config::default();
        config.set_entrypoint(Some(vec![entrypoint.to_owned()]));
        BuiltImage { reference: reference.to_owned(), config }
    }

    fn files(binary: &Path) -> Vec<BuiltFile> {
        let file = |name: &str, mode, content| BuiltFile { name: name.to_owned(), mode, content };
        vec![
            file("tmp", 0o1777, BuiltContent::Folder),
            file("etc/passwd", 0o644, BuiltContent::Bytes(b"root:x:0:0::/:\n".to_vec())),
            file("program", 0o755, BuiltContent::File(binary.to_path_buf())),
            file("bin/program", 0o777, BuiltContent::Symlink("/program".to_owned())),
        ]
    }

    #[test]
    fn built_images_share_a_layer_and_are_made_once() {
        let (dir, store) = store();
        let binary = dir.path().join("binary");
        fs::write(&binary, "program").unwrap();
        let images = [image("one", "/program"), image("two", "/bin/program")];
        let made = store.put_built(&files(&binary), &images).unwrap();
        assert_eq!(made[0].layers, made[1].layers);
        assert_eq!(made[1].entrypoint(), ["/bin/program"]);
        let layer = &made[0].layers[0];
        assert_eq!(fs::read(layer.join("program")).unwrap(), b"program");
        assert_eq!(fs::metadata(layer.join("tmp")).unwrap().mode() & 0o7777, 0o1777);
        let inode = fs::metadata(layer.join("program")).unwrap().ino();
        assert_ne!(inode, fs::metadata(&binary).unwrap().ino());
        assert_eq!(store.put_built(&files(&binary), &images).unwrap(), made);
        assert_eq!(fs::metadata(layer.join("program")).unwrap().ino(), inode);
        assert!(matches!(store.remove("one"), Err(Error::Pinned { .. })));
    }

    #[test]
    fn another_binary_replaces_the_image_unless_it_is_in_use() {
        let (dir, store) = store();
        let binary = dir.path().join("binary");
        fs::write(&binary, "old").unwrap();
        let old = store.put_built(&files(&binary), &[image("one", "/program")]).unwrap().remove(0);
        store.lease(&old.id, "container").unwrap();
        fs::write(&binary, "newer").unwrap();
        let new = store.put_built(&files(&binary), &[image("one", "/program")]).unwrap().remove(0);
        assert_eq!(store.list().unwrap(), [new]);
        assert!(old.layers[0].exists());
        store.release("container").unwrap();
        assert!(!old.layers[0].exists());
    }
}
