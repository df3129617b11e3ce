//! Why the server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::security::SecurityError;
use crate::security::audit::AuditError;
use crate::security::certificates::CertificateError;
use crate::security::encryption::KeyFileError;
use crate::store::OpenError;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder can't be made.
    #[error("can't make the data folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Certificates can't be read or made.
    #[error("the API's certificates")]
    Certificates(#[from] CertificateError),
    /// Keys, certificates or the first roles.
    #[error("the API's security")]
    Security(#[from] SecurityError),
    /// The keys that encrypt Secrets.
    #[error("the API's encryption at rest")]
    Encryption(#[from] KeyFileError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store does not open.
    #[error("the API's store {}", path.display())]
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Box<OpenError>,
    },
    /// TLS can't be set up.
    #[error("can't set up TLS: {0}")]
    Tls(String),
    /// The address is taken, or is no address of this machine.
    #[error("can't listen on {address}: is another server there? --listen takes another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// What is there from the first start on can't be stored.
    #[error("can't store {what}: {problem}")]
    Bootstrap {
        /// What.
        what: String,
        /// What was answered.
        problem: String,
    },
}
