//! What a pull tells while it runs.

use crate::Digest;

/// A layer of the image being pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerProgress {
    /// Digest of the layer as the registry has it.
    pub digest: Digest,
    /// Bytes to download.
    pub size: u64,
    /// Whether the store has it already, so that nothing is downloaded.
    pub present: bool,
}

/// A step of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The image is known; its layers, bottom first. Comes once, and again if the pull starts over.
    Resolved {
        /// Id of the image.
        id: Digest,
        /// Its layers.
        layers: Vec<LayerProgress>,
    },
    /// So much of a layer has been downloaded; falls back to 0 if its download starts over.
    Downloaded {
        /// Position of the layer.
        layer: usize,
        /// Bytes so far.
        bytes: u64,
    },
    /// A layer is downloaded, unpacked and proven.
    Unpacked {
        /// Position of the layer.
        layer: usize,
    },
}

/// Takes the steps of a pull. Called often, from the task that pulls: it must not block.
pub trait ProgressSink: Sync {
    /// Takes one step.
    fn report(&self, progress: Progress);
}

/// Nobody listens.
impl ProgressSink for () {
    fn report(&self, _: Progress) {}
}
