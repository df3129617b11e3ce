//! Registries with a certificate that the system does not know.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use reprise_images::Error;

use crate::image::push;
use crate::mirror::Configured;
use crate::server::{Kind, Registry};
use crate::three_layers;

/// A certificate authority of the test's own.
struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(folder: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "tests");
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
        Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) }
    }

    /// Certificate and key for 127.0.0.1.
    fn certify(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate_file, key_file) =
            (self.folder.join(format!("{name}.cert")), self.folder.join(format!("{name}.key")));
        fs::write(&certificate_file, certificate.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        (certificate_file, key_file)
    }

    fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

/// Pushing needs no TLS: the content is made by a plain registry and served by one with TLS.
fn serve(kind: Kind) -> Registry {
    let plain = Registry::start();
    push(&plain, "app", "1", &three_layers());
    plain.continue_as(kind)
}

#[tokio::test]
async fn a_registry_is_trusted_for_its_own_ca() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (certificate, key) = authority.certify("server");
    let registry = serve(Kind::Tls(certificate, key, None));
    let image = format!("{}/app:1", registry.host());
    let server = format!("server = 'https://{}'\n", registry.host());

    let configured = Configured::new();
    configured.hosts(&registry.host(), &server);
    let error = configured.pull(&image).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");

    configured.hosts(&registry.host(), &format!("{server}skip_verify = true"));
    configured.pull(&image).await.unwrap();

    let configured = Configured::new();
    configured.hosts(&registry.host(), &format!("ca = '{}'", authority.ca().display()));
    configured.pull(&image).await.unwrap();

    let configured = Configured::new();
    let mirror = format!("[host.'https://{}']\nca = ['own.pem']", registry.host());
    configured.hosts("registry.test", &mirror);
    fs::copy(authority.ca(), configured.dir.path().join("registries/registry.test/own.pem")).unwrap();
    configured.pull("registry.test/app:1").await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::new(other.path());
    let configured = Configured::new();
    configured.hosts(&registry.host(), &format!("ca = '{}'", stranger.ca().display()));
    let error = configured.pull(&image).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    for (ca, told) in [("/nonexistent/ca.pem", "/nonexistent/ca.pem"), ("hosts.toml", "no PEM certificate")] {
        configured.hosts(&registry.host(), &format!("ca = '{ca}'"));
        let error = configured.pull(&image).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_registry_that_wants_a_certificate_is_shown_one() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let (certificate, key) = authority.certify("server");
    let registry = serve(Kind::Tls(certificate, key, Some(authority.ca())));
    let image = format!("{}/app:1", registry.host());
    let (own, own_key) = authority.certify("client");
    let trusted = format!("ca = '{}'\n", authority.ca().display());

    let configured = Configured::new();
    configured.hosts(&registry.host(), &trusted);
    assert!(configured.pull(&image).await.is_err());
    let pair = format!("client = [['{}', '{}']]", own.display(), own_key.display());
    configured.hosts(&registry.host(), &format!("{trusted}{pair}"));
    configured.pull(&image).await.unwrap();

    // The same, laid down as for Docker.
    let configured = Configured::new();
    let docker = configured.dir.path().join("registries").join(registry.host());
    fs::create_dir_all(&docker).unwrap();
    for (from, name) in [(&authority.ca(), "ca.crt"), (&own, "me.cert"), (&own_key, "me.key")] {
        fs::copy(from, docker.join(name)).unwrap();
    }
    configured.pull(&image).await.unwrap();
}
