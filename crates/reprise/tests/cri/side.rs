//! The runtime under test: ours, or Debian's containerd.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reprise_testkit::CriServer;
use reprise_testkit::containerd::{Containerd, PAUSE_IMAGE};
use reprise_testkit::image::TestImage;
use tempfile::TempDir;

/// Which runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Containerd,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Containerd => "containerd",
        }
    }
}

/// A runtime to run a case on, and a folder for its files.
pub enum Side {
    Ours(Arc<CriServer>),
    Containerd(Arc<Containerd>, TempDir),
}

/// The one containerd, while there is one.
static CONTAINERD: Mutex<Option<Arc<Containerd>>> = Mutex::new(None);

impl Side {
    /// Running, with the test workload as an image.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Ours => {
                let server = CriServer::new();
                server.import(&TestImage::testload().unwrap());
                server.start();
                Self::Ours(Arc::new(server))
            }
            Kind::Containerd => Self::Containerd(containerd(), tempfile::tempdir().unwrap()),
        }
    }

    pub fn socket(&self) -> PathBuf {
        match self {
            Self::Ours(server) => server.socket(),
            Self::Containerd(containerd, _) => containerd.socket(),
        }
    }

    pub fn scratch(&self) -> PathBuf {
        match self {
            Self::Ours(server) => server.scratch().to_owned(),
            Self::Containerd(_, folder) => folder.path().to_owned(),
        }
    }

    pub fn subnet(&self) -> String {
        match self {
            Self::Ours(server) => server.subnet(),
            Self::Containerd(containerd, _) => containerd.subnet(),
        }
    }

    pub fn import(&self, image: &TestImage) {
        match self {
            Self::Ours(server) => server.import(image),
            Self::Containerd(containerd, _) => containerd.import(image),
        }
    }

    /// The parent of Pods' cgroups as a kubelet would name it: what containerd leaves must be found again.
    pub fn cgroup_parent(&self) -> String {
        match self {
            Self::Ours(_) => String::new(),
            Self::Containerd(containerd, _) => containerd.cgroup_parent(),
        }
    }
}

fn containerd() -> Arc<Containerd> {
    let mut running = CONTAINERD.lock().unwrap_or_else(PoisonError::into_inner);
    let start = || {
        let containerd = Containerd::start();
        containerd.import(&TestImage::testload().unwrap());
        containerd
            .import(&TestImage::testload().unwrap().named(PAUSE_IMAGE).config("Cmd", serde_json::json!(["forever"])));
        Arc::new(containerd)
    };
    Arc::clone(running.get_or_insert_with(start))
}

/// Ends it, if it was ever needed. What it left.
pub fn end_containerd() -> String {
    let running = CONTAINERD.lock().unwrap_or_else(PoisonError::into_inner).take();
    running.and_then(Arc::into_inner).map(Containerd::stop).unwrap_or_default()
}
