//! The format of `docker save`.

use serde::Deserialize;

use super::source::Source;
use super::{FoundImage, LayerFile};
use crate::error::Result;
use crate::reference::Reference;

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

pub(super) const MANIFEST: &str = "manifest.json";

/// All images of the archive.
pub(super) fn images(source: &Source) -> Result<Vec<FoundImage>> {
    let text = source.document(MANIFEST)?;
    let entries: Vec<Entry> = serde_json::from_slice(&text).map_err(|e| source.invalid(format!("{MANIFEST}: {e}")))?;
    let mut images = Vec::new();
    for entry in entries {
        let tags = entry.repo_tags.unwrap_or_default();
        images.push(FoundImage {
            config: source.document(&entry.config)?,
            layers: entry.layers.into_iter().map(|name| LayerFile { name, compressed: None }).collect(),
            names: tags.iter().map(|tag| Reference::parse(tag)).collect::<Result<_>>()?,
            tag: None,
            digest: None,
        });
    }
    Ok(images)
}
