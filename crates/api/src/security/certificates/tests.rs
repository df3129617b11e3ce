use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::*;
use crate::security::authentication::certificate_user;

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn later(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

fn instant(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(at.as_second()).unwrap()))
}

/// Whether whoever trusts `of` takes `identity` for a server of this name.
fn serves(of: &Certificates, identity: &Identity, name: &str, at: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(of.roots()), provider);
    let (chain, _) = identity.for_tls();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.build().unwrap().verify_server_cert(&chain[0], &[], &name, &[], instant(at)).is_ok()
}

/// Whether the API of `of` takes `identity` for a client.
fn is_client(of: &Certificates, identity: &Identity, at: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(of.roots()), provider).build().unwrap();
    verifier.verify_client_cert(&identity.for_tls().0[0], &[], instant(at)).is_ok()
}

#[test]
fn what_the_authority_signs_is_good_for_its_names_and_its_use_alone() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    let serving = certificates.serving(&["edge-1".to_owned(), "192.0.2.7".to_owned()]).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "edge-1", "192.0.2.7", "kubernetes.default.svc"] {
        assert!(serves(&certificates, &serving, name, now()), "{name}");
    }
    assert!(!serves(&certificates, &serving, "192.0.2.8", now()));
    assert!(!is_client(&certificates, &serving, now()));
    let admin = certificates.client(&Client::Admin).unwrap();
    assert!(is_client(&certificates, &admin, now()) && !serves(&certificates, &admin, "localhost", now()));
    let kubelet = certificates.kubelet_serving("edge-1", &[]).unwrap();
    assert!(serves(&certificates, &kubelet, "edge-1", now()) && !is_client(&certificates, &kubelet, now()));
}

#[test]
fn a_client_s_certificate_says_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    let who = |client: Client| {
        let user = certificate_user(&certificates.client(&client).unwrap().for_tls().0[0]).unwrap();
        (user.name, user.groups)
    };
    let groups = |groups: &[&str]| groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>();
    assert_eq!(who(Client::Admin), ("kubernetes-admin".to_owned(), groups(&[MASTERS, "system:authenticated"])));
    let node = ("system:node:edge-1".to_owned(), groups(&[NODES, "system:authenticated"]));
    assert_eq!(who(Client::Node("edge-1".to_owned())), node);
}

#[test]
fn a_restart_keeps_what_is_there_and_files_are_their_owner_s() {
    let folder = tempfile::tempdir().unwrap();
    let made = |at| {
        let certificates = Certificates::open(folder.path(), at).unwrap();
        (certificates.authority_pem().to_owned(), certificates.serving(&[]).unwrap())
    };
    let first = made(now());
    assert_eq!(made(later(10)), first);
    for entry in fs::read_dir(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::set_permissions(folder.path().join("apiserver.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_ne!(made(now()).1, first.1, "others could read the key");
}

#[test]
fn what_is_near_its_end_is_made_anew_and_old_certificates_stay_good_under_a_renewed_authority() {
    let folder = tempfile::tempdir().unwrap();
    let first = Certificates::open(folder.path(), now()).unwrap();
    let admin = first.client(&Client::Admin).unwrap();
    let second = Certificates::open(folder.path(), later(400)).unwrap();
    assert_eq!(second.authority_pem(), first.authority_pem());
    let renewed = second.client(&Client::Admin).unwrap();
    assert_ne!(renewed, admin);
    assert!(is_client(&second, &renewed, later(1000)) && !is_client(&second, &admin, later(1000)));
    let old = Certificates::open(folder.path(), later(2000)).unwrap().client(&Client::Admin).unwrap();
    let third = Certificates::open(folder.path(), later(2900)).unwrap();
    assert_ne!(third.authority_pem(), first.authority_pem());
    assert!(is_client(&third, &third.client(&Client::Admin).unwrap(), later(3500)));
    assert!(is_client(&third, &old, later(2500)));
}

#[test]
fn other_names_and_another_authority_make_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    let first = certificates.serving(&[]).unwrap();
    let second = certificates.serving(&["not a name".to_owned(), "edge-1".to_owned()]).unwrap();
    assert_ne!(second, first);
    assert!(serves(&certificates, &second, "edge-1", now()));
    fs::remove_file(folder.path().join("authority.pem")).unwrap();
    let other = Certificates::open(folder.path(), now()).unwrap();
    let third = other.serving(&["edge-1".to_owned()]).unwrap();
    assert!(serves(&other, &third, "edge-1", now()) && !serves(&certificates, &third, "edge-1", now()));
}

#[test]
fn a_crash_in_the_middle_of_the_first_start_is_made_good_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("authority.pem.new"), "-----BEGIN CERT").unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    fs::write(folder.path().join("apiserver.pem.new"), "").unwrap();
    assert!(serves(&certificates, &certificates.serving(&[]).unwrap(), "localhost", now()));
}

#[test]
fn damage_names_the_file_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    certificates.client(&Client::Admin).unwrap();
    certificates.client(&Client::Controllers).unwrap();
    let (admin, authority) = (folder.path().join("client-admin.pem"), folder.path().join("authority.pem"));
    let controllers = fs::read_to_string(folder.path().join("client-controllers.pem")).unwrap();
    let admins = fs::read_to_string(&admin).unwrap();
    let key_start = |text: &str| text.find("-----BEGIN PRIVATE").unwrap();
    let mixed = format!("{}{}", &admins[..key_start(&admins)], &controllers[key_start(&controllers)..]);
    for content in ["", "nonsense", &admins[..200], &admins[..key_start(&admins)], &mixed] {
        fs::write(&admin, content).unwrap();
        let error = certificates.client(&Client::Admin).unwrap_err().to_string();
        assert!(error.contains(admin.to_str().unwrap()) && error.contains("remove the file"), "{error}");
    }
    fs::write(&authority, controllers).unwrap();
    let error = Certificates::open(folder.path(), now()).unwrap_err().to_string();
    assert!(error.contains(authority.to_str().unwrap()) && error.contains("no authority"), "{error}");
}

#[test]
fn a_node_s_name_never_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::open(folder.path(), now()).unwrap();
    for name in ["", "../x", "a/b", ".", "a..b", "A", "-a", "a\0", &"a".repeat(254)] {
        let client = certificates.client(&Client::Node(name.to_owned()));
        assert!(matches!(client, Err(CertificateError::Name { .. })), "{name}");
        assert!(matches!(certificates.kubelet_serving(name, &[]), Err(CertificateError::Name { .. })), "{name}");
    }
}
