//! Images for tests, made on the spot from a program of this machine: no registry, no build tool.
//!
//! An image is layers of files and a configuration. It can be written as the archive of `docker save` or as an OCI
//! archive, so that both ways in are tested with the same contents.

mod archive;
mod layer;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

pub use archive::Compression;
use layer::Entry;

use crate::program::testload_path;

/// The name under which [`TestImage::testload`] is imported.
pub const TESTLOAD_IMAGE: &str = "reprise.test/testload:1";

/// The name under which [`TestImage::busybox`] is imported.
pub const BUSYBOX_IMAGE: &str = "reprise.test/busybox:1";

/// An image to be written to an archive.
#[derive(Debug, Clone)]
pub struct TestImage {
    name: String,
    layers: Vec<Vec<Entry>>,
    config: Map<String, Value>,
}

impl TestImage {
    /// An image without files, named `name`.
    #[must_use]
    pub fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), layers: vec![Vec::new()], config: Map::new() }
    }

    /// [`TESTLOAD_IMAGE`]: the test workload as `/testload` and entry point, users `root` and `tester` (1000, also
    /// in group 2000), and a world-writable `/tmp`.
    ///
    /// # Errors
    /// The program can't be read.
    pub fn testload() -> io::Result<Self> {
        Ok(Self::empty(TESTLOAD_IMAGE)
            .with_users()
            .next_layer()
            .file("testload", 0o755, fs::read(testload_path())?)
            .config("Entrypoint", json!(["/testload"]))
            .config("Env", json!(["PATH=/", "FROM_IMAGE=yes"])))
    }

    /// [`BUSYBOX_IMAGE`]: a shell and the usual commands, from Debian's static busybox.
    ///
    /// # Errors
    /// `/bin/busybox` is not there: install `busybox-static`.
    pub fn busybox() -> io::Result<Self> {
        let program = "/bin/busybox";
        let applets = Command::new(program).arg("--list").output()?;
        let mut image = Self::empty(BUSYBOX_IMAGE).with_users().next_layer();
        image = image.file("bin/busybox", 0o755, fs::read(program)?);
        for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|name| *name != "busybox") {
            image = image.symlink(&format!("bin/{applet}"), "busybox");
        }
        Ok(image.config("Cmd", json!(["sh"])).config("Env", json!(["PATH=/bin"])))
    }

    fn with_users(self) -> Self {
        self.folder("etc", 0o755)
            .folder("tmp", 0o1777)
            .file("etc/passwd", 0o644, "root:x:0:0:root:/:/bin/sh\ntester:x:1000:1000:tester:/:/bin/sh\n")
            .file("etc/group", 0o644, "root:x:0:\ntester:x:1000:\nextra:x:2000:tester\n")
    }

    /// The name that the archive gives the image.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Puts what follows into another layer, on top.
    #[must_use]
    pub fn next_layer(mut self) -> Self {
        self.layers.push(Vec::new());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.entry(Entry::file(path, mode, bytes.into()))
    }

    /// Adds a folder.
    #[must_use]
    pub fn folder(self, path: &str, mode: u32) -> Self {
        self.entry(Entry::folder(path, mode))
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, to: &str) -> Self {
        self.entry(Entry::symlink(path, to))
    }

    /// Deletes a file of the layers below.
    #[must_use]
    pub fn whiteout(self, path: &str) -> Self {
        let path = Path::new(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let marker = path.with_file_name(format!(".wh.{name}"));
        self.file(&marker.to_string_lossy(), 0o644, "")
    }

    /// Sets a field of the image's configuration: `Entrypoint`, `Cmd`, `Env`, `User`, `WorkingDir`, `StopSignal`, ...
    #[must_use]
    pub fn config(mut self, field: &str, value: Value) -> Self {
        self.config.insert(field.to_owned(), value);
        self
    }

    fn entry(mut self, entry: Entry) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            layer.push(entry);
        }
        self
    }

    /// Writes the archive that `docker save` would write.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_docker_archive(&self, file: &Path) -> io::Result<()> {
        archive::write_docker(self, file)
    }

    /// Writes an OCI layout as one archive, layers compressed as asked.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_oci_archive(&self, file: &Path, compression: Compression) -> io::Result<()> {
        archive::write_oci(self, file, compression)
    }
}

#[cfg(test)]
mod tests;
