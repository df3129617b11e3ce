//! Certificates alone, named as Docker wants them: `*.crt` to trust, `*.cert` with `*.key` to show.

use std::path::Path;

use super::HostConfig;
use crate::error::{Error, Result};
use crate::reference::Reference;
use crate::work::entries;

/// The registry itself, with the certificates in its folder.
pub(super) fn read(folder: &Path, reference: &Reference) -> Result<Vec<HostConfig>> {
    let mut files = entries(folder)?;
    files.sort();
    let ends_in = |path: &Path, extension: &str| path.extension().is_some_and(|e| e == extension);
    let ca: Vec<_> = files.iter().filter(|path| ends_in(path, "crt")).cloned().collect();
    let mut shown = files.iter().filter(|path| ends_in(path, "cert"));
    let client = shown.next();
    if let Some(second) = shown.next() {
        return Err(Error::RegistryConfig {
            path: second.clone(),
            reason: "a registry can be shown one certificate only; leave one *.cert there".to_owned(),
        });
    }
    let mut host = HostConfig::registry(reference, !ca.is_empty() || client.is_some())?;
    host.ca = ca;
    if let Some(certificate) = client {
        host.client.push(certificate.clone());
        // Without one, the certificate's file holds the key too.
        host.client.extend(Some(certificate.with_extension("key")).filter(|key| key.exists()));
    }
    Ok(vec![host])
}
