//! Images to push.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use reprise_images::Digest;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use crate::server::Registry;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An uncompressed layer.
pub struct Layer(Vec<u8>);

/// How a layer travels.
#[derive(Clone, Copy)]
pub enum Compressed {
    Not,
    Gzip,
    Zstd,
}

/// What has been pushed.
pub struct Pushed {
    pub manifest: Digest,
    pub layers: Vec<Digest>,
    /// For an index.
    pub descriptor: Value,
}

impl Layer {
    pub fn with_file(name: &str, content: &[u8]) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, content).unwrap();
        Self(tar.into_inner().unwrap())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn compressed(&self, how: Compressed) -> (Vec<u8>, &'static str) {
        match how {
            Compressed::Not => (self.0.clone(), "application/vnd.oci.image.layer.v1.tar"),
            Compressed::Zstd => {
                (compress_to_vec(&self.0[..], CompressionLevel::Fastest), "application/vnd.oci.image.layer.v1.tar+zstd")
            }
            Compressed::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
                gzip.write_all(&self.0).unwrap();
                (gzip.finish().unwrap(), "application/vnd.oci.image.layer.v1.tar+gzip")
            }
        }
    }
}

pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Pushes an image for this machine under `tag`, or by digest only if that is empty.
pub fn push(registry: &Registry, repository: &str, tag: &str, layers: &[(Layer, Compressed)]) -> Pushed {
    push_for(registry, repository, tag, layers, architecture())
}

pub fn push_for(
    registry: &Registry,
    repository: &str,
    tag: &str,
    layers: &[(Layer, Compressed)],
    architecture: &str,
) -> Pushed {
    let blob = |kind: &str, content: &[u8]| {
        let digest = registry.push_blob(repository, content);
        json!({"mediaType": kind, "digest": digest, "size": content.len()})
    };
    let diff_ids: Vec<Digest> = layers.iter().map(|(layer, _)| Digest::of(&layer.0)).collect();
    let config = json!({
        "architecture": architecture, "os": "linux", "config": {"Entrypoint": ["/run"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = blob(CONFIG, config.to_string().as_bytes());
    let layers: Vec<Value> = layers
        .iter()
        .map(|(layer, how)| {
            let (content, kind) = layer.compressed(*how);
            blob(kind, &content)
        })
        .collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let digest = registry.push_manifest(repository, tag, &manifest);
    let platform = json!({"os": "linux", "architecture": architecture});
    Pushed {
        descriptor: json!({
            "mediaType": MANIFEST, "digest": digest, "size": manifest.to_string().len(), "platform": platform,
        }),
        manifest: digest,
        layers: layers.iter().map(|layer| Digest::parse(layer["digest"].as_str().unwrap()).unwrap()).collect(),
    }
}
