//! The OCI image layout, as a folder or in an archive.

use super::source::Source;
use super::{FoundImage, LayerFile};
use crate::Digest;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, ImageManifest, Manifest, choose};
use crate::reference::Reference;

pub(super) const MARKER: &str = "oci-layout";
pub(super) const INDEX: &str = "index.json";
/// Indexes may point at indexes, but not for ever.
const INDEX_DEPTH: u32 = 3;
/// The whole name, as containerd, BuildKit and Docker write it.
const FULL_NAME: &str = "io.containerd.image.name";
/// The whole name or only the tag, depending on the tool.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// All images of the layout.
pub(super) fn images(source: &Source) -> Result<Vec<FoundImage>> {
    let text = source.document(INDEX)?;
    let Manifest::Index(entries) = Manifest::parse(&source.what(), &text)? else {
        return Err(source.invalid(format!("{INDEX} is not an index")));
    };
    if is_one_image(&entries) {
        return Ok(vec![image(source, choose(&source.what(), &entries)?)?]);
    }
    entries.iter().map(|entry| image(source, entry)).collect()
}

/// Several manifests under one name, or without, are one image for several platforms.
fn is_one_image(entries: &[Descriptor]) -> bool {
    let name = |entry: &Descriptor| annotation(entry, FULL_NAME).or(annotation(entry, REF_NAME)).map(str::to_owned);
    entries.len() > 1 && entries.iter().all(|entry| entry.platform.is_some() && name(entry) == name(&entries[0]))
}

fn image(source: &Source, entry: &Descriptor) -> Result<FoundImage> {
    let manifest = resolve(source, entry)?;
    let (names, tag) = names(entry)?;
    Ok(FoundImage {
        config: blob(source, &manifest.config.digest)?,
        layers: manifest
            .layers
            .into_iter()
            .map(|layer| LayerFile { name: blob_name(&layer.digest), compressed: Some(layer.digest) })
            .collect(),
        names,
        tag,
        digest: Some(entry.digest.clone()),
    })
}

fn resolve(source: &Source, entry: &Descriptor) -> Result<ImageManifest> {
    let mut digest = entry.digest.clone();
    for _ in 0..INDEX_DEPTH {
        match Manifest::parse(&source.what(), &blob(source, &digest)?)? {
            Manifest::Image(manifest) => return Ok(manifest),
            Manifest::Index(entries) => digest = choose(&source.what(), &entries)?.digest.clone(),
        }
    }
    Err(source.invalid("its index points at indexes only".to_owned()))
}

/// The names that an entry states, and the tag if it states only that.
fn names(entry: &Descriptor) -> Result<(Vec<Reference>, Option<String>)> {
    if let Some(name) = annotation(entry, FULL_NAME) {
        return Ok((vec![Reference::parse(name)?], None));
    }
    match annotation(entry, REF_NAME) {
        Some(name) if name.contains([':', '/', '@']) => Ok((vec![Reference::parse(name)?], None)),
        tag => Ok((Vec::new(), tag.map(str::to_owned))),
    }
}

fn annotation<'a>(entry: &'a Descriptor, key: &str) -> Option<&'a str> {
    entry.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A small blob, proven.
fn blob(source: &Source, digest: &Digest) -> Result<Vec<u8>> {
    let text = source.document(&blob_name(digest))?;
    let actual = Digest::of(&text);
    if actual != *digest {
        let what = format!("{} in {}", blob_name(digest), source.what());
        return Err(Error::DigestMismatch { what, expected: digest.clone(), actual });
    }
    Ok(text)
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
