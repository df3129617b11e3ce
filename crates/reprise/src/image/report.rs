//! Images as JSON, one object a line.

use reprise_images::Image;
use serde::Serialize;

/// An image in `ls -o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: &'a str,
    repo_tags: &'a [String],
    repo_digests: &'a [String],
    /// Bytes on disk.
    size: u64,
    pinned: bool,
}

/// An image in `inspect -o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    /// Unpacked layers, bottom first.
    layers: Vec<String>,
    /// The image's configuration as its author wrote it.
    config: serde_json::Value,
}

impl<'a> From<&'a Image> for Line<'a> {
    fn from(image: &'a Image) -> Self {
        Self {
            id: image.id.as_str(),
            repo_tags: &image.repo_tags,
            repo_digests: &image.repo_digests,
            size: image.size,
            pinned: image.pinned,
        }
    }
}

/// A line of `ls -o json`.
pub fn line(image: &Image) -> serde_json::Result<String> {
    serde_json::to_string(&Line::from(image))
}

/// A line of `inspect -o json`.
pub fn details(image: &Image) -> serde_json::Result<String> {
    let layers = image.layers.iter().map(|layer| layer.display().to_string()).collect();
    serde_json::to_string(&Details { line: image.into(), layers, config: serde_json::to_value(&image.config)? })
}
