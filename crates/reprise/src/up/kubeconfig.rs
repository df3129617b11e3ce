//! The kubeconfig file of an API, and clients made from one.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use reprise_api::Api;
use reprise_api::security::certificates::{Certificates, Client as Who};
use reprise_api::security::kubeconfig;

use crate::cli::KubeconfigArgs;
use crate::failure::BadInput;
use crate::settings::Settings;

/// Where it is.
pub fn path(settings: &Settings) -> PathBuf {
    settings.data_dir.join("kubeconfig")
}

/// Writes the one of the administrator, readable by the user who runs this and nobody else.
pub fn write(api: &Api, settings: &Settings) -> Result<PathBuf> {
    let path = path(settings);
    replace(&path, &api.kubeconfig(&Who::Admin)?).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

/// At once: whoever reads it meanwhile reads the old one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    // One that a crash has left may be anybody's to read.
    if let Err(error) = fs::remove_file(&new)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

/// Prints it: `reprise kubeconfig`.
pub fn print(args: &KubeconfigArgs, settings: &Settings) -> Result<ExitCode> {
    let path = path(settings);
    let text = fs::read_to_string(&path).map_err(|error| {
        let folder = settings.data_dir.display();
        BadInput::new(format!("{}: {error}: has `reprise up --data-dir {folder}` run?", path.display()))
    })?;
    match &args.node {
        None => out!("{text}"),
        Some(name) => out!("{}", of_node(name, &text, settings)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// For a node, at the address of the administrator's.
fn of_node(name: &str, administrators: &str, settings: &Settings) -> Result<String> {
    let known = Kubeconfig::from_yaml(administrators).context("our own kubeconfig can't be read")?;
    let cluster = known.clusters.into_iter().find_map(|named| named.cluster);
    let server = cluster.and_then(|cluster| cluster.server).context("our own kubeconfig has no address")?;
    let certificates = Certificates::open(&settings.data_dir.join("api").join("pki"), Timestamp::now())?;
    let who = Who::Node(name.to_owned());
    let identity = certificates.client(&who).map_err(|error| BadInput::new(format!("--node {name}: {error}")))?;
    let user = who.user();
    let authority_pem = certificates.authority_pem();
    Ok(kubeconfig::Kubeconfig { server: &server, authority_pem, user: &user, identity: &identity }.text())
}

/// A client of the API, as somebody else than the administrator.
pub async fn client(api: &Api, who: &Who) -> Result<Client> {
    let text = api.kubeconfig(who)?;
    let kubeconfig = Kubeconfig::from_yaml(&text).context("our own kubeconfig can't be read")?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let config = config.context("our own kubeconfig can't be used")?;
    Client::try_from(config).with_context(|| format!("can't make a client for {}", who.user()))
}
