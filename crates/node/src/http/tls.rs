//! The certificate to serve with, and the authorities whose clients are believed.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::config::HttpConfig;
use super::error::HttpError;
use super::token::write_private;

/// What accepts connections. `folder` keeps the certificate that is made where none is given.
pub(super) fn acceptor(config: &HttpConfig, folder: &Path, node_name: &str) -> Result<TlsAcceptor, HttpError> {
    let (certificate, key) = match &config.certificate {
        Some(files) => files.clone(),
        None => own_certificate(folder, node_name, config.address)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &config.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let refused =
                |source: Box<dyn std::error::Error + Send + Sync>| HttpError::ClientCa { path: path.clone(), source };
            let mut roots = RootCertStore::empty();
            for root in certificates(path)? {
                roots.add(root).map_err(|e| refused(e.into()))?;
            }
            // A client without a certificate may still have the token.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().map_err(|e| refused(e.into()))?)
        }
    };
    let chain = certificates(&certificate)?;
    let pem = |source| HttpError::Pem { path: key.clone(), wanted: "a private key", source };
    let key = PrivateKeyDer::from_pem_file(&key).map_err(pem)?;
    let mut server = builder
        .with_single_cert(chain, key)
        .map_err(|source| HttpError::Certificate { path: certificate.clone(), source })?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let pem = |source| HttpError::Pem { path: path.to_owned(), wanted: "certificates", source };
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(pem)?.collect();
    let all = all.map_err(pem)?;
    if all.is_empty() { Err(HttpError::NoCertificate { path: path.to_owned() }) } else { Ok(all) }
}

/// The node's own certificate: made when there is none yet, or none for all names that it has now.
fn own_certificate(folder: &Path, node_name: &str, address: SocketAddr) -> Result<(PathBuf, PathBuf), HttpError> {
    let (certificate, key) = (folder.join("kubelet.crt"), folder.join("kubelet.key"));
    let names = names(node_name, address);
    // PEM may have text before the certificate: there it says for which names it is.
    let head = format!("{}\n", names.join(" "));
    let is_current = fs::read_to_string(&certificate).is_ok_and(|text| text.starts_with(&head)) && key.exists();
    if !is_current {
        let made = rcgen::generate_simple_self_signed(names)?;
        write_private(&key, made.signing_key.serialize_pem().as_bytes())?;
        let text = format!("{head}{}", made.cert.pem());
        fs::write(&certificate, text).map_err(HttpError::file("write", &certificate))?;
    }
    Ok((certificate, key))
}

fn names(node_name: &str, address: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    // That it listens everywhere is no name.
    let ip = Some(address.ip()).filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    for name in ip.into_iter().chain([node_name.to_owned()]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_certificate_stays_until_the_node_has_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = HttpConfig::new("127.0.0.1:0".parse().unwrap());
        let certificate = folder.path().join("kubelet.crt");
        acceptor(&config, folder.path(), "n1").unwrap();
        let first = fs::read(&certificate).unwrap();
        acceptor(&config, folder.path(), "n1").unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), first);
        config.address = "192.0.2.7:10250".parse().unwrap();
        acceptor(&config, folder.path(), "n1").unwrap();
        assert_ne!(fs::read(&certificate).unwrap(), first);
    }

    #[test]
    fn files_that_hold_something_else_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        fs::write(&file, "nothing").unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let config = HttpConfig { client_ca_file: Some(file.clone()), ..HttpConfig::new(address) };
        let Err(error) = acceptor(&config, folder.path(), "n1") else { panic!("taken") };
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
}
