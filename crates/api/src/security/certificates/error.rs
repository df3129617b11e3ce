//! What can be wrong with a certificate.

use std::io;
use std::path::PathBuf;

/// A certificate that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read or written.
    #[error("can't {operation} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error(
        "{path} is damaged: {problem}; put back a copy, or remove the file: it is made again ({consequence})",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What making it again means.
        consequence: &'static str,
    },
    /// It could not be made.
    #[error("can't make a certificate for {subject}: {source}")]
    Make {
        /// Whose it would be.
        subject: String,
        /// Why it failed.
        source: rcgen::Error,
    },
    /// A name that no certificate can be for.
    #[error("{name:?} can't be a node's name: it must be letters of a DNS name, in lower case")]
    Name {
        /// The name.
        name: String,
    },
}
