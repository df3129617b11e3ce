//! Whose a client certificate is: common name and organisations are the user and the groups.

use super::error::CertificateError;

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
/// The group of all nodes.
pub const NODES: &str = "system:nodes";
/// The longest common name that a certificate may have (RFC 5280, upper bound of `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;
/// The longest name of a node.
const MAX_NODE_NAME: usize = 253;

/// A client of the API, or the API as a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// Whoever started the program: may do everything.
    Admin,
    /// The built-in controllers: may do what their role says.
    Controllers,
    /// The DNS server for Pods: sees services and Pods.
    Dns,
    /// The API, asking a kubelet for logs and processes.
    KubeletClient,
    /// A node.
    Node(String),
}

impl Client {
    /// The user.
    #[must_use]
    pub fn user(&self) -> String {
        match self {
            Self::Admin => "kubernetes-admin".to_owned(),
            Self::Controllers => "system:reprise-controllers".to_owned(),
            Self::Dns => "system:reprise-dns".to_owned(),
            Self::KubeletClient => "kube-apiserver-kubelet-client".to_owned(),
            Self::Node(name) => format!("system:node:{name}"),
        }
    }

    /// The user's groups.
    pub(super) fn groups(&self) -> &'static [&'static str] {
        match self {
            Self::Admin => &[MASTERS],
            Self::Controllers | Self::Dns | Self::KubeletClient => &[],
            Self::Node(_) => &[NODES],
        }
    }

    /// The name of the file.
    pub(super) fn file(&self) -> Result<String, CertificateError> {
        Ok(match self {
            Self::Admin => "client-admin.pem".to_owned(),
            Self::Controllers => "client-controllers.pem".to_owned(),
            Self::Dns => "client-dns.pem".to_owned(),
            Self::KubeletClient => "client-kubelet-api.pem".to_owned(),
            Self::Node(name) => format!("client-node-{}.pem", node_name(name)?),
        })
    }
}

/// A node's name, which becomes part of a file's.
pub(super) fn node_name(name: &str) -> Result<&str, CertificateError> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fits = name.len() <= MAX_NODE_NAME && name.chars().all(is_inner);
    let is_name = fits && is_edge(name.chars().next()) && is_edge(name.chars().next_back()) && !name.contains("..");
    if is_name { Ok(name) } else { Err(CertificateError::Name { name: name.to_owned() }) }
}

/// A name cut to what a certificate's common name may have, where it is only for people.
pub(super) fn short(name: &str) -> &str {
    name.get(..MAX_COMMON_NAME).unwrap_or(name)
}
