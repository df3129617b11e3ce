//! Manifests, indexes and configurations, as far as the store needs them.
//!
//! Docker's and OCI's documents have the same shape; only their media types differ, and those are
//! not to be relied on. So what a document holds decides what it is.

use oci_spec::image::ImageConfiguration;
use serde::Deserialize;

use crate::Digest;
use crate::error::{Error, Result};

/// The largest manifest, index or configuration accepted, in bytes.
pub(crate) const DOCUMENT_MAX: u64 = 8 << 20;
/// As many layers as overlayfs takes.
const LAYERS_MAX: usize = 500;

/// A manifest or an index.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// What a document is.
#[derive(Debug)]
pub(crate) enum Manifest {
    Image(ImageManifest),
    /// Manifests for several platforms, or of several images.
    Index(Vec<Descriptor>),
}

/// One image.
#[derive(Debug)]
pub(crate) struct ImageManifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

/// Points at a document or layer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    pub platform: Option<Platform>,
    #[serde(default)]
    pub annotations: Option<std::collections::BTreeMap<String, String>>,
    /// Where else a layer may be had (foreign layers).
    #[serde(default)]
    pub urls: Option<Vec<String>>,
}

/// What a manifest is made for, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

impl Manifest {
    /// Reads a document of the image called `what`.
    pub(crate) fn parse(what: &str, text: &[u8]) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidImage { what: what.to_owned(), reason };
        let document: Document = serde_json::from_slice(text).map_err(|e| invalid(format!("its manifest: {e}")))?;
        if document.schema_version != 2 {
            return Err(invalid(format!("manifest schema {} is not supported", document.schema_version)));
        }
        match (document.manifests, document.config, document.layers) {
            (Some(manifests), None, None) => Ok(Self::Index(manifests)),
            (None, Some(config), Some(layers)) => {
                check_layers(what, &layers)?;
                Ok(Self::Image(ImageManifest { config, layers }))
            }
            _ => Err(invalid("its manifest is neither an image nor an index".to_owned())),
        }
    }
}

fn check_layers(what: &str, layers: &[Descriptor]) -> Result<()> {
    let invalid = |reason: String| Error::InvalidImage { what: what.to_owned(), reason };
    if layers.len() > LAYERS_MAX {
        return Err(invalid(format!("it has {} layers; {LAYERS_MAX} are possible", layers.len())));
    }
    for layer in layers {
        let kind = layer.media_type.as_str();
        let plain = kind.split('+').next().unwrap_or(kind);
        let tar = plain.ends_with(".tar") || plain.contains(".tar.");
        if !kind.is_empty() && (!tar || kind.ends_with("+encrypted")) {
            return Err(invalid(format!("layers of type {kind} are not supported")));
        }
    }
    Ok(())
}

/// Reads a configuration and proves that it fits `layers` layers and this machine.
pub(crate) fn parse_config(what: &str, text: &[u8], layers: usize) -> Result<(ImageConfiguration, Vec<Digest>)> {
    let invalid = |reason: String| Error::InvalidImage { what: what.to_owned(), reason };
    let config: ImageConfiguration =
        serde_json::from_slice(text).map_err(|e| invalid(format!("its configuration: {e}")))?;
    let diff_ids = config
        .rootfs()
        .diff_ids()
        .iter()
        .map(|id| Digest::parse(id).ok_or_else(|| invalid(format!("diff id {id:?} is not a SHA-256 digest"))))
        .collect::<Result<Vec<_>>>()?;
    if diff_ids.len() != layers {
        return Err(invalid(format!("{layers} layers, but {} diff ids", diff_ids.len())));
    }
    let platform = Platform {
        os: config.os().to_string(),
        architecture: config.architecture().to_string(),
        variant: config.variant().clone(),
    };
    // Images made by hand often state no architecture.
    if platform.rank().is_none() && !platform.architecture.is_empty() {
        return Err(Error::NoMatchingPlatform {
            reference: what.to_owned(),
            platform: here(),
            available: platform.to_string(),
        });
    }
    Ok((config, diff_ids))
}

/// The manifest of an index that suits this machine best.
pub(crate) fn choose<'a>(what: &str, manifests: &'a [Descriptor]) -> Result<&'a Descriptor> {
    let rank = |entry: &Descriptor| entry.platform.as_ref().and_then(Platform::rank);
    let best = manifests.iter().filter_map(|entry| rank(entry).map(|rank| (rank, entry))).min_by_key(|(rank, _)| *rank);
    if let Some((_, entry)) = best {
        return Ok(entry);
    }
    // Some tools write an index with one manifest and no platform; its configuration decides.
    if let [only] = manifests
        && only.platform.is_none()
    {
        return Ok(only);
    }
    let mut available: Vec<String> = manifests
        .iter()
        .filter_map(|entry| entry.platform.as_ref())
        // Attestations and the like.
        .filter(|platform| platform.os != "unknown")
        .map(Platform::to_string)
        .collect();
    available.dedup();
    Err(Error::NoMatchingPlatform {
        reference: what.to_owned(),
        platform: here(),
        available: if available.is_empty() { "none".to_owned() } else { available.join(", ") },
    })
}

impl Platform {
    /// How well it suits this machine, 0 best; `None` if programs for it do not run here.
    fn rank(&self) -> Option<usize> {
        if self.os != "linux" || self.architecture != architecture() {
            return None;
        }
        let variants: &[&str] = match architecture() {
            "amd64" => &["", "v1"],
            "arm64" => &["", "v8"],
            "arm" => &["v7", "", "v6", "v5"],
            _ => &[""],
        };
        variants.iter().position(|variant| self.variant.as_deref().unwrap_or_default() == *variant)
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

fn here() -> String {
    format!("linux/{}", architecture())
}

/// This machine's architecture as Go calls it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(os: &str, architecture: &str, variant: Option<&str>) -> Descriptor {
        let platform = Platform { os: os.into(), architecture: architecture.into(), variant: variant.map(Into::into) };
        let label = platform.to_string();
        Descriptor {
            media_type: String::new(),
            digest: Digest::of(label.as_bytes()),
            size: 1,
            platform: Some(platform),
            annotations: None,
            urls: None,
        }
    }

    #[test]
    fn the_manifest_for_this_machine_is_chosen() {
        let all = [
            entry("windows", architecture(), None),
            entry("linux", "s390x", None),
            entry("linux", architecture(), None),
            entry("unknown", "unknown", None),
        ];
        assert_eq!(choose("x", &all).unwrap().digest, all[2].digest);
    }

    #[test]
    fn platforms_on_offer_are_named_when_none_suits() {
        let all = [entry("linux", "s390x", None), entry("linux", "arm", Some("v5")), entry("unknown", "unknown", None)];
        let Err(Error::NoMatchingPlatform { available, .. }) = choose("x", &all) else { panic!("one was chosen") };
        assert_eq!(available, "linux/s390x, linux/arm/v5");
    }

    #[test]
    fn documents_that_are_no_images_are_refused() {
        for text in [
            "{}",
            "[]",
            "{\"schemaVersion\":1,\"fsLayers\":[]}",
            "{\"schemaVersion\":2}",
            "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha512:00\",\"size\":1},\"layers\":[]}",
        ] {
            assert!(matches!(Manifest::parse("x", text.as_bytes()), Err(Error::InvalidImage { .. })), "{text}");
        }
    }

    #[test]
    fn configurations_as_docker_writes_them_are_read() {
        let text = format!(
            r#"{{"architecture": "{}", "os": "linux", "created": "2023-01-01T00:00:00Z", "docker_version": "20.10.7",
              "container_config": {{"Cmd": ["/bin/sh", "-c", "nop"]}},
              "config": {{"Hostname": "", "User": "", "AttachStdin": false, "Tty": false, "Env": ["PATH=/bin"],
                "Cmd": ["sh"], "Image": "sha256:0", "Volumes": null, "ExposedPorts": null, "WorkingDir": "",
                "Entrypoint": null, "OnBuild": null, "Labels": null, "ArgsEscaped": true,
                "Healthcheck": {{"Test": ["CMD", "true"]}}, "StopSignal": "SIGQUIT"}},
              "history": [{{"created": "2023-01-01T00:00:00Z", "created_by": "x", "empty_layer": true}}],
              "rootfs": {{"type": "layers", "diff_ids": ["{}"]}}}}"#,
            architecture(),
            Digest::of(b"layer")
        );
        let (config, diff_ids) = parse_config("x", text.as_bytes(), 1).unwrap();
        assert_eq!(diff_ids, [Digest::of(b"layer")]);
        assert_eq!(config.config().as_ref().unwrap().stop_signal().as_deref(), Some("SIGQUIT"));
        assert!(matches!(parse_config("x", text.as_bytes(), 2), Err(Error::InvalidImage { .. })));
    }

    #[test]
    fn layer_types_of_docker_and_oci_are_known_and_others_refused() {
        let layer = |kind: &str| Descriptor { media_type: kind.into(), ..entry("linux", "amd64", None) };
        for kind in [
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        ] {
            assert!(check_layers("x", &[layer(kind)]).is_ok(), "{kind}");
        }
        for kind in ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "application/wasm", "text/plain"] {
            assert!(check_layers("x", &[layer(kind)]).is_err(), "{kind}");
        }
    }
}
