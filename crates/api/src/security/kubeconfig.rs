//! Kubeconfig files: all that a client needs to find the API, believe it and be believed, in one file.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::certificates::Identity;
use super::files;

/// The name of the cluster, the user and the context in the file.
const NAME: &str = "reprise";

/// What a kubeconfig says.
#[derive(Debug, Clone, Copy)]
pub struct Kubeconfig<'a> {
    /// The API's URL, such as `https://127.0.0.1:6443`.
    pub server: &'a str,
    /// The authority's certificate, in PEM.
    pub authority_pem: &'a str,
    /// The user's name, for people.
    pub user: &'a str,
    /// What the client shows.
    pub identity: &'a Identity,
}

impl Kubeconfig<'_> {
    /// The file's text: YAML, all data embedded.
    #[must_use]
    pub fn text(&self) -> String {
        let data = |pem: &str| STANDARD.encode(pem);
        // Every value is a JSON string, which YAML reads as it is.
        let quoted = |text: &str| Value::from(text).to_string();
        let user = quoted(self.user);
        [
            "apiVersion: v1".to_owned(),
            "kind: Config".to_owned(),
            "clusters:".to_owned(),
            format!("- name: {NAME}"),
            "  cluster:".to_owned(),
            format!("    server: {}", quoted(self.server)),
            format!("    certificate-authority-data: {}", data(self.authority_pem)),
            "users:".to_owned(),
            format!("- name: {user}"),
            "  user:".to_owned(),
            format!("    client-certificate-data: {}", data(self.identity.certificate_pem())),
            format!("    client-key-data: {}", data(self.identity.key_pem())),
            "contexts:".to_owned(),
            format!("- name: {NAME}"),
            "  context:".to_owned(),
            format!("    cluster: {NAME}"),
            format!("    user: {user}"),
            format!("current-context: {NAME}"),
            String::new(),
        ]
        .join("\n")
    }

    /// Writes the file, readable by its owner alone.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        files::replace(path, self.text().as_bytes())
    }
}
