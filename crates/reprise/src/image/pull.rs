//! Pulling with a progress bar.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use reprise_images::{DockerConfig, Image, ImageStore, Logins, Progress, ProgressSink};

/// Pulls one image. The bar is on stderr, and only if that is a terminal.
pub async fn pull(store: &ImageStore, image: &str) -> anyhow::Result<Image> {
    let logins = Logins::from_config(DockerConfig::load()?);
    let bar = PullBar::new(image);
    let pulled = store.pull(image, &logins, &bar).await;
    bar.bar.finish_and_clear();
    Ok(pulled?)
}

/// One bar for all layers: downloads of several run at the same time.
struct PullBar {
    bar: ProgressBar,
    layers: Mutex<Layers>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Layers {
    /// Bytes so far, by layer.
    downloaded: Vec<u64>,
    /// Bytes to download, all layers together.
    total: u64,
    unpacked: usize,
    missing: usize,
}

impl PullBar {
    fn new(image: &str) -> Self {
        let style =
            ProgressStyle::with_template("{prefix}  {bar:30} {bytes:>10}/{total_bytes:<10} {bytes_per_sec:<12} {msg}");
        let bar = ProgressBar::new(0).with_prefix(image.to_owned()).with_message("asking the registry");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self { bar, layers: Mutex::default() }
    }
}

impl ProgressSink for PullBar {
    fn report(&self, progress: Progress) {
        // A bar is worth nothing more than what it shows: a panic elsewhere does not matter to it.
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.take(progress);
        self.bar.set_length(layers.total);
        self.bar.set_position(layers.downloaded.iter().sum());
        self.bar.set_message(layers.message());
    }
}

impl Layers {
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Resolved { layers, .. } => {
                let missing = layers.iter().filter(|layer| !layer.present);
                *self = Self {
                    downloaded: vec![0; layers.len()],
                    total: missing.clone().map(|layer| layer.size).sum(),
                    unpacked: 0,
                    missing: missing.count(),
                };
            }
            Progress::Downloaded { layer, bytes } => {
                if let Some(downloaded) = self.downloaded.get_mut(layer) {
                    *downloaded = bytes;
                }
            }
            Progress::Unpacked { .. } => self.unpacked += 1,
        }
    }

    fn message(&self) -> String {
        format!("{}/{} layers", self.unpacked, self.missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_images::{Digest, LayerProgress};

    #[test]
    fn only_layers_that_are_missing_count() {
        let digest = Digest::of(b"layer");
        let layer = |size, present| LayerProgress { digest: digest.clone(), size, present };
        let mut layers = Layers::default();
        layers.take(Progress::Resolved {
            id: digest.clone(),
            layers: vec![layer(7, true), layer(20, false), layer(30, false)],
        });
        layers.take(Progress::Downloaded { layer: 1, bytes: 15 });
        layers.take(Progress::Downloaded { layer: 1, bytes: 20 });
        layers.take(Progress::Downloaded { layer: 2, bytes: 5 });
        layers.take(Progress::Unpacked { layer: 1 });
        assert_eq!((layers.total, layers.downloaded.iter().sum::<u64>()), (50, 25));
        assert_eq!(layers.message(), "1/2 layers");
        layers.take(Progress::Downloaded { layer: 2, bytes: 0 });
        assert_eq!(layers.downloaded, [0, 20, 0]);
    }
}
