//! The authority, and what it signs.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};

use super::error::CertificateError;
use super::identity::{Identity, certificate_in};
use super::pem::{Pair, parsed, text};
use super::subject::{Client, node_name, short};
use super::validity::Validity;
use crate::security::files;

/// The authority's own name.
const AUTHORITY: &str = "reprise";
const AUTHORITY_FILE: &str = "authority.pem";

/// The authority of a data folder.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    now: Timestamp,
    certificate: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is asked for.
struct Wanted {
    file: String,
    name: DistinguishedName,
    alternative_names: Vec<SanType>,
    usage: ExtendedKeyUsagePurpose,
}

impl Certificates {
    /// Reads the authority in this folder, or makes one.
    ///
    /// # Errors
    /// Files that can't be read or written, or that hold something else.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, CertificateError> {
        files::make_folder(folder).map_err(file("make", folder))?;
        let path = folder.join(AUTHORITY_FILE);
        let damaged = |problem| CertificateError::Damaged {
            path: path.clone(),
            problem,
            consequence: "every client and node then needs a new certificate",
        };
        let kept = files::read(&path).map_err(file("read", &path))?;
        let kept = kept.map(|(text, _)| Pair::parse(&text).map(|pair| (pair, text))).transpose().map_err(damaged)?;
        let (key, kept) = match kept {
            None => (KeyPair::generate().map_err(make(AUTHORITY))?, None),
            Some((pair, text)) => {
                let is_near_end = Validity::AUTHORITY.is_near_end(pair.ends().map_err(damaged)?, now);
                is_ours(&pair).map_err(damaged)?;
                (pair.key, (!is_near_end).then_some(text))
            }
        };
        let params = authority_params(now);
        let text = match kept {
            Some(text) => text,
            None => {
                let made = params.self_signed(&key).map_err(make(AUTHORITY))?;
                let text = text(&made.pem(), &key.serialize_pem());
                files::replace(&path, text.as_bytes()).map_err(file("write", &path))?;
                text
            }
        };
        let (certificate, der) = certificate_in(&text).ok_or_else(|| damaged("no certificate".to_owned()))?;
        Ok(Self { folder: folder.to_owned(), now, certificate, der, issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate, in PEM: what clients check the API with, and the content of `kube-root-ca.crt`.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.certificate
    }

    /// What a TLS server or client of ours trusts: this authority and no other.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates([self.der.clone()]);
        roots
    }

    /// What the API shows: for loopback, the name in the cluster, and these names and addresses.
    ///
    /// # Errors
    /// Files that can't be read or written, or that hold something else.
    pub fn serving(&self, names: &[String]) -> Result<Identity, CertificateError> {
        let own = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let own = own.into_iter().chain(["kubernetes.default.svc.cluster.local", "127.0.0.1", "::1"]);
        self.identity(Wanted {
            file: "apiserver.pem".to_owned(),
            name: distinguished("kube-apiserver", &[]),
            alternative_names: alternative_names(own.chain(names.iter().map(String::as_str)))?,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
        })
    }

    /// What a client shows.
    ///
    /// # Errors
    /// Files that can't be read or written, or that hold something else; a node's name that is none.
    pub fn client(&self, client: &Client) -> Result<Identity, CertificateError> {
        self.identity(Wanted {
            file: client.file()?,
            name: distinguished(&client.user(), client.groups()),
            alternative_names: Vec::new(),
            usage: ExtendedKeyUsagePurpose::ClientAuth,
        })
    }

    /// What a node's own HTTP API shows: for its name, loopback, and these names and addresses.
    ///
    /// # Errors
    /// Files that can't be read or written, or that hold something else; a node's name that is none.
    pub fn kubelet_serving(&self, node: &str, names: &[String]) -> Result<Identity, CertificateError> {
        let node = node_name(node)?;
        let own = [node, "localhost", "127.0.0.1", "::1"];
        self.identity(Wanted {
            file: format!("kubelet-{node}.pem"),
            name: distinguished(short(&format!("system:node:{node}")), &[super::NODES]),
            alternative_names: alternative_names(own.into_iter().chain(names.iter().map(String::as_str)))?,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
        })
    }

    /// The one that is kept, if it is as wanted and good for long; else a new one.
    fn identity(&self, wanted: Wanted) -> Result<Identity, CertificateError> {
        let path = self.folder.join(&wanted.file);
        let damaged =
            |problem| CertificateError::Damaged { path: path.clone(), problem, consequence: "nothing is lost by that" };
        if let Some((text, open_to_others)) = files::read(&path).map_err(file("read", &path))? {
            let pair = Pair::parse(&text).map_err(damaged)?;
            let is_near_end = Validity::SIGNED.is_near_end(pair.ends().map_err(damaged)?, self.now);
            if !open_to_others && !is_near_end && self.is_as_wanted(&pair, &wanted).map_err(damaged)? {
                let (certificate, _) = certificate_in(&text).ok_or_else(|| damaged("no certificate".to_owned()))?;
                return Ok(Identity::new(certificate, &pair));
            }
        }
        let key = KeyPair::generate().map_err(make(&wanted.file))?;
        let made = self.params(&wanted).signed_by(&key, &self.issuer).map_err(make(&wanted.file))?;
        let text = text(&made.pem(), &key.serialize_pem());
        files::replace(&path, text.as_bytes()).map_err(file("write", &path))?;
        Ok(Identity::new(made.pem().replace("\r\n", "\n"), &Pair { certificate: made.into(), key }))
    }

    /// Whether this authority made it for the same names.
    fn is_as_wanted(&self, pair: &Pair, wanted: &Wanted) -> Result<bool, String> {
        // All that depends on the key and the time is the same with the kept key; so what differs are names and issuer.
        let (_, kept) = parsed(&pair.certificate)?;
        let again = self.params(wanted).signed_by(&pair.key, &self.issuer).map_err(|e| e.to_string())?;
        let (_, again) = parsed(again.der())?;
        let extensions = |certificate: &x509_parser::certificate::X509Certificate<'_>| {
            certificate
                .extensions()
                .iter()
                .map(|each| (each.oid.to_id_string(), each.value.to_vec()))
                .collect::<Vec<_>>()
        };
        Ok(kept.subject().as_raw() == again.subject().as_raw()
            && kept.issuer().as_raw() == again.issuer().as_raw()
            && extensions(&kept) == extensions(&again))
    }

    fn params(&self, wanted: &Wanted) -> CertificateParams {
        let mut params = dated(Validity::SIGNED, self.now);
        params.distinguished_name = wanted.name.clone();
        params.subject_alt_names.clone_from(&wanted.alternative_names);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![wanted.usage.clone()];
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params
    }
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = dated(Validity::AUTHORITY, now);
    params.distinguished_name = distinguished(AUTHORITY, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn dated(validity: Validity, now: Timestamp) -> CertificateParams {
    let (from, until) = validity.from(now);
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (from.into(), until.into());
    // Two authorities of one key, or two certificates of one name, must not have the same number.
    params.serial_number = Some(SerialNumber::from_slice(&uuid::Uuid::new_v4().into_bytes()));
    params
}

fn distinguished(name: &str, groups: &[&str]) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    for group in groups {
        distinguished.push(DnType::OrganizationName, *group);
    }
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Addresses and names, each once. One that no certificate can hold, such as a host name with `_`, is left out.
fn alternative_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<SanType>, CertificateError> {
    let mut all = Vec::new();
    for name in names {
        let one = match ServerName::try_from(name) {
            Ok(ServerName::IpAddress(address)) => SanType::IpAddress(IpAddr::from(address)),
            Ok(_) => SanType::DnsName(name.try_into().map_err(make(name))?),
            Err(_) => continue,
        };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}

/// Whether the authority is one that was made here: what it signs bears its name.
fn is_ours(pair: &Pair) -> Result<(), String> {
    let (_, certificate) = parsed(&pair.certificate)?;
    let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    match name {
        Some(AUTHORITY) if certificate.is_ca() => Ok(()),
        name => Err(format!("it is the certificate of {}, no authority that was made here", name.unwrap_or("nobody"))),
    }
}

fn file(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CertificateError {
    move |source| CertificateError::File { operation, path: path.to_owned(), source }
}

fn make(subject: &str) -> impl FnOnce(rcgen::Error) -> CertificateError {
    move |source| CertificateError::Make { subject: subject.to_owned(), source }
}
