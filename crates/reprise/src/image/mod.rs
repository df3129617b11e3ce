//! `reprise image`: the images of this node.
//!
//! Works on the store's folder directly, whether a node runs on it or not: the store takes changes
//! from several processes.

mod pull;
mod report;
mod table;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reprise_images::{Image, ImageStore};

use crate::cli::{Output, OutputArgs};
use crate::demo;
use crate::settings::Settings;

/// Shorter starts of an id are not accepted.
const ID_PREFIX_MIN: usize = 4;

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Pull images from their registries, with the credentials of the Docker config file
    Pull {
        /// Images, such as busybox, ghcr.io/team/app:1 or app@sha256:...
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
    /// Import images from files: `docker save` or OCI archives (also compressed), OCI layout folders
    Import(ImportArgs),
    /// Make the images that examples/ml-worker.yaml names, from this program
    Demo,
    /// List the images
    #[command(visible_alias = "list")]
    Ls(OutputArgs),
    /// Show everything about images
    Inspect {
        /// Names or ids; the start of an id is enough
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Remove names of images, and what nothing needs any more
    Rm {
        /// Names or ids; the start of an id is enough
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
}

/// `reprise image import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Archives, OCI layout folders, or - for an archive on standard input
    #[arg(required = true, value_name = "FILE|FOLDER|-")]
    paths: Vec<PathBuf>,
    /// Name for the image instead of the one in the archive
    #[arg(long, value_name = "IMAGE")]
    name: Option<String>,
}

/// Runs one command on the node's store. Status 1 if some of the images could not be removed.
pub async fn run(command: ImageCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let why =
        "the node's images are in that runtime: use its own tools, such as crictl, or ctr --namespace k8s.io images";
    settings.require_embedded("reprise image", why)?;
    let opened = ImageStore::open(&settings.image_store()).context("cannot open the image store")?;
    let store = match &settings.registry_config {
        Some(folder) => opened.with_registry_config(folder),
        None => opened,
    };
    match command {
        ImageCommand::Pull { images } => {
            for image in &images {
                let pulled = pull::pull(&store, image).await.with_context(|| format!("cannot pull {image}"))?;
                outln!("{image}  {}", table::summary(&pulled));
            }
        }
        ImageCommand::Import(arguments) => import(&store, &arguments)?,
        ImageCommand::Demo => {
            demo::image::build(&settings.image_store())?;
            demo::image::names().for_each(|name| outln!("{name}"));
        }
        ImageCommand::Ls(OutputArgs { output: Output::Text }) => out!("{}", table::list(&store.list()?)),
        ImageCommand::Ls(OutputArgs { output: Output::Json }) => {
            for image in store.list()? {
                outln!("{}", report::line(&image)?);
            }
        }
        ImageCommand::Inspect { images, output } => inspect(&store, &images, output.output)?,
        ImageCommand::Rm { images } => return remove(&store, &images),
    }
    Ok(ExitCode::SUCCESS)
}

fn import(store: &ImageStore, arguments: &ImportArgs) -> anyhow::Result<()> {
    let name = arguments.name.as_deref();
    if name.is_some() && arguments.paths.len() > 1 {
        bail!("--name can be given with one file only");
    }
    for path in &arguments.paths {
        let images = match path.to_str() {
            Some("-") => store.import_stream(io::stdin().lock(), "standard input", name),
            _ => store.import(path, name),
        };
        for image in images.with_context(|| format!("cannot import {}", path.display()))? {
            let names = if image.repo_tags.is_empty() { "<no name>".to_owned() } else { image.repo_tags.join(", ") };
            outln!("{names}  {}", table::summary(&image));
        }
    }
    Ok(())
}

fn inspect(store: &ImageStore, images: &[String], output: Output) -> anyhow::Result<()> {
    for name in images {
        let image = find(store, name)?;
        match output {
            Output::Text => out!("{}", table::details(&image)),
            Output::Json => outln!("{}", report::details(&image)?),
        }
    }
    Ok(())
}

/// Goes on after a failure: the other images shall be gone all the same.
fn remove(store: &ImageStore, images: &[String]) -> anyhow::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    for name in images {
        match remove_one(store, name) {
            Ok(removed) => {
                removed.untagged.iter().for_each(|name| outln!("untagged {name}"));
                removed.deleted.iter().for_each(|id| outln!("removed {id}"));
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                status = ExitCode::FAILURE;
            }
        }
    }
    Ok(status)
}

fn remove_one(store: &ImageStore, name: &str) -> anyhow::Result<reprise_images::Removed> {
    let by_name = match store.resolve(name) {
        Ok(found) => found.is_some(),
        Err(reprise_images::Error::InvalidReference { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let removed = if by_name { store.remove(name) } else { store.remove(find(store, name)?.id.as_str()) };
    Ok(removed?)
}

/// An image by name, id, or the start of an id.
fn find(store: &ImageStore, name: &str) -> anyhow::Result<Image> {
    let missing = match store.resolve(name) {
        Ok(Some(image)) => return Ok(image),
        Ok(None) => reprise_images::Error::NotStored { reference: name.to_owned() },
        Err(error) => error,
    };
    let start = name.strip_prefix("sha256:").unwrap_or(name);
    if start.len() < ID_PREFIX_MIN {
        return Err(missing.into());
    }
    let mut matching: Vec<Image> =
        store.list()?.into_iter().filter(|image| image.id.hex().starts_with(start)).collect();
    match (matching.pop(), matching.len()) {
        (Some(image), 0) => Ok(image),
        (Some(_), more) => bail!("{name} is the start of {} image ids: give more of it", more + 1),
        (None, _) => Err(missing.into()),
    }
}

#[cfg(test)]
mod tests;
