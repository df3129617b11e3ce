//! The running server.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use reprise_core::gates::FeatureGates;
use tokio_util::sync::CancellationToken;

use crate::bootstrap;
use crate::discovery::Discovery;
use crate::error::StartError;
use crate::http::{self, FairQueue, Listening, Metrics, QueueLimits};
use crate::openapi::OpenApi;
use crate::proxy::KubeletClient;
use crate::resources::TABLE;
use crate::security::audit::AuditLog;
use crate::security::certificates::{Certificates, Client};
use crate::security::encryption::SecretSeal;
use crate::security::kubeconfig::Kubeconfig;
use crate::security::{ENCRYPTION_KEYS, Security};
use crate::server::{Server, Shared, stored_resources};
use crate::store::{Store, StoreOptions};

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Where everything is kept. Made if it is not there.
    pub data_dir: PathBuf,
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Further names and addresses under which clients reach it.
    pub names: Vec<String>,
    /// The address of this machine at which Pods reach it, which the Service `kubernetes` has. It listens there too.
    pub for_pods: Option<IpAddr>,
    /// The feature gates.
    pub gates: FeatureGates,
    /// Whether containers may be privileged.
    pub allow_privileged: bool,
    /// Where each answered request is logged; none for nowhere.
    pub audit_log: Option<PathBuf>,
}

impl ApiConfig {
    /// The usual one: loopback, default gates.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 6443));
        Self {
            data_dir: data_dir.into(),
            listen,
            names: Vec::new(),
            for_pods: None,
            gates: FeatureGates::default(),
            allow_privileged: true,
            audit_log: None,
        }
    }
}

/// A running server.
pub struct Api {
    server: Shared,
    listening: Listening,
}

impl Api {
    /// Starts a server. When this returns, it answers.
    ///
    /// # Errors
    /// If the data folder can't be used, or the address.
    pub async fn start(config: ApiConfig) -> Result<Self, StartError> {
        let ApiConfig { data_dir, listen, names, for_pods, gates, allow_privileged, audit_log } = config;
        let folder = |source| StartError::Folder { path: data_dir.clone(), source };
        make_private(&data_dir).map_err(folder)?;
        // The socket first: a second server on the same folder must not get further than this.
        let listener = http::bind(listen).await?;
        let path = data_dir.join("api.redb");
        let seal = Arc::new(SecretSeal::open(&data_dir.join(ENCRYPTION_KEYS))?);
        let opened = Store::open(&path, StoreOptions { seal, ..StoreOptions::new(stored_resources()) });
        let store = opened.map_err(|source| StartError::Store { path, source: Box::new(source) })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: listen, source })?;
        let for_pods = for_pods.map(|ip| SocketAddr::new(ip, address.port()));
        let more = for_pods.filter(|wanted| address.ip() != wanted.ip() && !address.ip().is_unspecified());
        let listeners =
            std::iter::once(Ok(listener)).chain(more.map(http::bind_ahead)).collect::<Result<Vec<_>, _>>()?;
        let audit = audit_log.as_deref().map(AuditLog::open).transpose()?;
        let security = Security::open(&data_dir, store.clone(), Arc::new(Timestamp::now))?;
        let serving = security.certificates.serving(&all_names(listen, for_pods, names))?;
        let kubelets = KubeletClient::new(&security.certificates)?;
        let server = Arc::new(Server {
            store,
            kubelets,
            security,
            audit,
            gates,
            allow_privileged,
            discovery: Discovery::new(TABLE, &address.to_string()),
            openapi: OpenApi::new(TABLE),
            queue: FairQueue::new(QueueLimits::default()),
            metrics: Metrics::default(),
            closing: CancellationToken::new(),
        });
        bootstrap::complete(&server, for_pods).await?;
        let listening = http::listen(listeners, Arc::clone(&server), &server.security.certificates, &serving)?;
        Ok(Self { server, listening })
    }

    /// From now on, `/metrics` has what `source` gives too: metrics of others in this process, in Prometheus' text format.
    pub fn add_metrics(&self, source: impl Fn() -> String + Send + 'static) {
        self.server.metrics.add(source);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Where clients of this machine reach it.
    #[must_use]
    pub fn url(&self) -> String {
        let address = self.address();
        let host = match address.ip() {
            ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], address.port())),
            _ => address,
        };
        format!("https://{host}")
    }

    /// The certificates: of the authority, and of whom it signs for.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.server.security.certificates
    }

    /// A kubeconfig file for somebody.
    ///
    /// # Errors
    /// If their certificate can't be made.
    pub fn kubeconfig(&self, client: &Client) -> Result<String, StartError> {
        let identity = self.certificates().client(client)?;
        let (server, user) = (self.url(), client.user());
        let authority_pem = self.certificates().authority_pem();
        Ok(Kubeconfig { server: &server, authority_pem, user: &user, identity: &identity }.text())
    }

    /// Ends watches and connections, and closes the store when what is under way is done.
    pub async fn stop(self) {
        self.server.closing.cancel();
        if let Err(error) = self.listening.task.await {
            tracing::warn!(%error, "the server's connections did not end as they should");
        }
        self.server.store.close().await;
    }
}

/// Makes the folder, if it is not there, and keeps others of this machine out of it: every object is in there.
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// The names for which the server's certificate is, beside those that it always has.
fn all_names(listen: SocketAddr, for_pods: Option<SocketAddr>, mut names: Vec<String>) -> Vec<String> {
    let addresses = std::iter::once(listen).chain(for_pods).map(|address| address.ip());
    // That it listens everywhere is no name.
    names.extend(addresses.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
    names
}
