//! The two archive forms of an image.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::Builder;

use super::TestImage;
use super::layer::{self, Entry};

/// How the layers of an OCI archive are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// With gzip.
    Gzip,
}

/// `manifest.json`, the configuration and one folder per layer, as `docker save` has them.
pub(super) fn write_docker(image: &TestImage, file: &Path) -> io::Result<()> {
    let layers = tars(image)?;
    let config = config_of(image, &layers)?;
    let config_name = format!("{}.json", hex_digest(&config));
    let layer_names: Vec<String> = layers.iter().map(|tar| format!("{}/layer.tar", hex_digest(tar))).collect();
    let manifest = json!([{ "Config": config_name, "RepoTags": [image.name], "Layers": layer_names }]);

    let mut files =
        BTreeMap::from([(config_name, config), ("manifest.json".to_owned(), serde_json::to_vec(&manifest)?)]);
    files.extend(layer_names.into_iter().zip(layers));
    write_tar(file, files)
}

/// `oci-layout`, `index.json` and the blobs by digest.
pub(super) fn write_oci(image: &TestImage, file: &Path, compression: Compression) -> io::Result<()> {
    let layers = tars(image)?;
    let mut blobs = BTreeMap::new();
    let mut add = |media_type: &str, bytes: Vec<u8>| -> Value {
        let digest = hex_digest(&bytes);
        let descriptor = json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() });
        blobs.insert(format!("blobs/sha256/{digest}"), bytes);
        descriptor
    };
    let config = add("application/vnd.oci.image.config.v1+json", config_of(image, &layers)?);
    let mut descriptors = Vec::new();
    for tar in layers {
        descriptors.push(match compression {
            Compression::None => add("application/vnd.oci.image.layer.v1.tar", tar),
            Compression::Gzip => add("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&tar)?),
        });
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": descriptors });
    let mut manifest = add(media_type, serde_json::to_vec(&manifest)?);
    // Both spellings are in use: the tag alone, and the whole name as containerd writes it.
    let tag = image.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    manifest["annotations"] =
        json!({ "org.opencontainers.image.ref.name": tag, "io.containerd.image.name": image.name });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    blobs.insert("index.json".to_owned(), serde_json::to_vec(&index)?);
    blobs.insert("oci-layout".to_owned(), serde_json::to_vec(&json!({ "imageLayoutVersion": "1.0.0" }))?);
    write_tar(file, blobs)
}

fn tars(image: &TestImage) -> io::Result<Vec<Vec<u8>>> {
    image.layers.iter().filter(|layer| !layer.is_empty()).map(|layer| layer::tar_of(layer)).collect()
}

fn config_of(image: &TestImage, layers: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let diff_ids: Vec<String> = layers.iter().map(|tar| format!("sha256:{}", hex_digest(tar))).collect();
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": image.config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    Ok(serde_json::to_vec(&config)?)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_tar(file: &Path, files: BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let mut tar = Builder::new(File::create(file)?);
    for (path, bytes) in files {
        layer::append(&mut tar, &Entry::file(&path, 0o644, bytes))?;
    }
    tar.into_inner()?.flush()
}
