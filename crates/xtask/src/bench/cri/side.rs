//! A runtime that is measured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reprise_cri::v1::{ImageSpec, ImageStatusRequest};
use reprise_cri::{Call, CriClient};
use reprise_testkit::CriServer;
use reprise_testkit::containerd::{Containerd, PAUSE_IMAGE};
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use serde_json::json;
use tokio::time::sleep;

/// How long an image that was imported may stay unknown.
const LIMIT: Duration = Duration::from_secs(30);

/// A runtime, and a client of it.
pub struct Side {
    pub client: CriClient,
    runtime: Runtime,
}

enum Runtime {
    Ours(CriServer),
    Containerd(Containerd),
}

impl Side {
    /// `reprise cri`.
    pub fn ours(program: &Path) -> Result<Self> {
        let server = CriServer::of_program(program);
        server.import(&TestImage::busybox().context("image for the containers")?);
        server.start();
        Ok(Self { client: CriClient::connect(&server.socket())?, runtime: Runtime::Ours(server) })
    }

    /// Debian's containerd, with runc.
    pub fn containerd() -> Result<Self> {
        let containerd = Containerd::start();
        let busybox = TestImage::busybox().context("image for the containers")?;
        containerd.import(&busybox);
        containerd.import(&busybox.named(PAUSE_IMAGE).config("Cmd", json!(["sleep", "1000000"])));
        Ok(Self { client: CriClient::connect(&containerd.socket())?, runtime: Runtime::Containerd(containerd) })
    }

    /// The CRI part of containerd hears of an import a moment later.
    pub async fn wait_for_images(&self) -> Result<()> {
        let names: &[&str] = match self.runtime {
            Runtime::Ours(_) => &[BUSYBOX_IMAGE],
            Runtime::Containerd(_) => &[BUSYBOX_IMAGE, PAUSE_IMAGE],
        };
        let start = Instant::now();
        for &name in names {
            let image = || Some(ImageSpec { image: name.to_owned(), ..ImageSpec::default() });
            let status = || self.client.images();
            while {
                let request = ImageStatusRequest { image: image(), verbose: false };
                self.client.call(Call::new("ImageStatus", name), status().image_status(request)).await?.image.is_none()
            } {
                ensure!(start.elapsed() < LIMIT, "the image {name} did not come");
                sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    /// A folder for logs.
    pub fn folder(&self) -> PathBuf {
        match &self.runtime {
            Runtime::Ours(server) => server.scratch().to_owned(),
            Runtime::Containerd(containerd) => containerd.folder().to_owned(),
        }
    }

    pub fn cgroup_parent(&self) -> String {
        match &self.runtime {
            Runtime::Ours(_) => String::new(),
            Runtime::Containerd(containerd) => containerd.cgroup_parent(),
        }
    }

    /// The runtime's own process.
    pub fn pid(&self) -> Result<i32> {
        match &self.runtime {
            Runtime::Ours(server) => i32::try_from(server.pid()).context("process id of the runtime"),
            Runtime::Containerd(containerd) => Ok(containerd.pid()),
        }
    }

    /// Those that it keeps for its Pods.
    pub fn shims(&self) -> Vec<i32> {
        let shims = match &self.runtime {
            Runtime::Ours(server) => server.shims(),
            Runtime::Containerd(containerd) => containerd.shims(),
        };
        shims.into_iter().map(|shim| shim.pid).collect()
    }
}
