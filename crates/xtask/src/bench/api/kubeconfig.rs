//! What a kubeconfig of `reprise up` says.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How to reach the API.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// Address and port.
    pub server: String,
    /// The authority's certificate, in PEM.
    pub authority: Vec<u8>,
    /// The client's certificate, in PEM.
    pub certificate: Vec<u8>,
    /// Its key, in PEM.
    pub key: Vec<u8>,
}

impl Kubeconfig {
    /// Of the file's text. It is ours, so each value has a line with its name.
    pub fn parse(text: &str) -> Result<Self> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
            let value = line.map(|value| value.trim().trim_matches('"'));
            value.with_context(|| format!("the kubeconfig has no {name}"))
        };
        let data = |name: &str| STANDARD.decode(value(name)?).with_context(|| format!("{name} is no base64"));
        let server = value("server:")?;
        Ok(Self {
            server: server.strip_prefix("https://").with_context(|| format!("{server} is not https"))?.to_owned(),
            authority: data("certificate-authority-data:")?,
            certificate: data("client-certificate-data:")?,
            key: data("client-key-data:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_their_lines() {
        let text = "clusters:\n- name: reprise\n  cluster:\n    server: \"https://127.0.0.1:6443\"\n    \
            certificate-authority-data: YQ==\nusers:\n- user:\n    client-certificate-data: Yg==\n    client-key-data: Yw==\n";
        let parsed = Kubeconfig::parse(text).unwrap();
        assert_eq!(parsed.server, "127.0.0.1:6443");
        assert_eq!((parsed.authority, parsed.certificate, parsed.key), (b"a".to_vec(), b"b".to_vec(), b"c".to_vec()));
        assert!(Kubeconfig::parse("server: \"https://x\"").is_err());
    }
}
