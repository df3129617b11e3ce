//! An image as callers see it.

use std::path::PathBuf;

use oci_spec::image::{Config, ImageConfiguration};

use crate::Digest;

/// An image in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Digest of the configuration: the image's identity, whatever it is called.
    pub id: Digest,
    /// Names, such as `docker.io/library/busybox:latest`.
    pub repo_tags: Vec<String>,
    /// Names by manifest digest, such as `docker.io/library/busybox@sha256:...`.
    pub repo_digests: Vec<String>,
    /// Bytes on disk: unpacked layers and configuration.
    pub size: u64,
    /// Configuration as the image's author wrote it.
    pub config: ImageConfiguration,
    /// Unpacked layers for overlayfs' `lowerdir`, bottom first (overlayfs wants them top first).
    pub layers: Vec<PathBuf>,
    /// What identifies its layers together; none if it has none.
    pub chain_id: Option<Digest>,
    /// Whether the image is part of the program: such ones are never removed.
    pub pinned: bool,
}

impl Image {
    /// Environment as `NAME=value`.
    pub fn env(&self) -> &[String] {
        self.list(Config::env)
    }

    /// Entry point; empty if there is none.
    pub fn entrypoint(&self) -> &[String] {
        self.list(Config::entrypoint)
    }

    /// Arguments, or the whole command if there is no entry point.
    pub fn cmd(&self) -> &[String] {
        self.list(Config::cmd)
    }

    /// Working directory; empty if the image states none.
    pub fn working_dir(&self) -> &str {
        self.text(Config::working_dir)
    }

    /// `user`, `uid`, `user:group` or `uid:gid`; empty if the image states none.
    pub fn user(&self) -> &str {
        self.text(Config::user)
    }

    /// Signal that asks the main process to end, such as `SIGQUIT`; empty if the image states none.
    pub fn stop_signal(&self) -> &str {
        self.text(Config::stop_signal)
    }

    fn list(&self, field: fn(&Config) -> &Option<Vec<String>>) -> &[String] {
        self.config.config().as_ref().and_then(|config| field(config).as_deref()).unwrap_or_default()
    }

    fn text(&self, field: fn(&Config) -> &Option<String>) -> &str {
        self.config.config().as_ref().and_then(|config| field(config).as_deref()).unwrap_or_default()
    }
}
