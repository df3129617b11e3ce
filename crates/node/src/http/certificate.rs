//! Whom a client's certificate names: Kubernetes reads the user from the common name, groups from the organizations.

use x509_parser::parse_x509_certificate;
use x509_parser::x509::AttributeTypeAndValue;

use super::review::Identity;

/// The client of a certificate that TLS has checked. One that can't be read names nobody.
pub(super) fn identity(certificate: &[u8]) -> Identity {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else { return Identity::default() };
    let text = |attribute: &AttributeTypeAndValue<'_>| attribute.as_str().map(str::to_owned).ok();
    let subject = parsed.subject();
    let name = subject.iter_common_name().next().and_then(text).unwrap_or_default();
    let groups = subject.iter_organization().filter_map(text).chain(["system:authenticated".to_owned()]).collect();
    Identity { name, groups, ..Identity::default() }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn user_and_groups_are_read_from_the_subject() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver-kubelet-client");
        params.distinguished_name.push(DnType::OrganizationName, "system:masters");
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let identity = identity(made.der());
        assert_eq!(identity.name, "kube-apiserver-kubelet-client");
        assert_eq!(identity.groups, ["system:masters", "system:authenticated"]);
        assert_eq!(super::identity(b"nothing"), Identity::default());
    }
}
