//! `--manifests`: what a folder's manifests say is applied at the start, and again whenever they change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use inotify::{Inotify, WatchMask};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use reprise_api::resources::{Resource, find_kind};
use reprise_core::manifest::read_plain_documents;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;

use crate::manifests::{self, Source};

/// Under which name the fields of these objects are managed.
const MANAGER: &str = "reprise-manifests";
/// Editors write in several steps: a change counts when there was none for this long.
const QUIET: Duration = Duration::from_millis(200);
/// What failed is tried again after this long: what it needs may be there by then.
const AGAIN: Duration = Duration::from_secs(5);

/// A folder whose manifests are applied, until it is dropped.
pub struct Applied(JoinHandle<()>);

impl Applied {
    /// Follows a folder.
    ///
    /// # Errors
    /// If it is no folder, or can't be watched.
    pub fn follow(client: Client, folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("--manifests {}: no such folder", folder.display());
        }
        let inotify = Inotify::init().context("can't watch folders")?;
        let changes = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::CREATE;
        let watched = inotify.watches().add(folder, changes);
        watched.with_context(|| format!("can't watch {}", folder.display()))?;
        let events = inotify.into_event_stream([0; 4096]).context("can't watch folders")?;
        let folder = folder.to_owned();
        Ok(Self(tokio::spawn(follow(client, folder, events))))
    }
}

impl Drop for Applied {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(client: Client, folder: PathBuf, mut events: inotify::EventStream<[u8; 4096]>) {
    let mut told = Vec::new();
    loop {
        let problems = apply_all(&client, &folder).await;
        // What is wrong for long is said once.
        for problem in problems.iter().filter(|problem| !told.contains(*problem)) {
            eprintln!("Warning: {problem}");
        }
        let again = if problems.is_empty() { None } else { Some(AGAIN) };
        told = problems;
        wait_for_change(&mut events, again).await;
    }
}

async fn wait_for_change(events: &mut inotify::EventStream<[u8; 4096]>, at_most: Option<Duration>) {
    let first = events.next();
    match at_most {
        // The time is up, or something has changed: either way the folder is looked at.
        Some(limit) => drop(tokio::time::timeout(limit, first).await),
        None => drop(first.await),
    }
    while let Ok(Some(_)) = tokio::time::timeout(QUIET, events.next()).await {}
}

/// Applies everything, namespaces first, and says what could not be.
async fn apply_all(client: &Client, folder: &Path) -> Vec<String> {
    let sources = match manifests::read(&[folder.to_owned()]) {
        Ok(sources) => sources,
        Err(error) => return vec![error.to_string()],
    };
    let (mut objects, mut problems) = (Vec::new(), Vec::new());
    for source in sources {
        match read(&source) {
            Ok(found) => objects.extend(found),
            Err(error) => problems.push(format!("{}: {error:#}", source.name)),
        }
    }
    objects.sort_by_key(|(_, resource, _)| resource.stored_as != "namespaces");
    for (file, resource, object) in objects {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        match apply(client, resource, object).await {
            Ok(true) => outln!("{} {name} applied from {file}", resource.singular),
            Ok(false) => {}
            Err(error) => problems.push(format!("{file}: {} {name}: {}", resource.singular, words(&error))),
        }
    }
    problems
}

/// What the API says, in its own words; its first line says what is wrong.
fn words(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => status.message.lines().next().unwrap_or_default().to_owned(),
        _ => format!("{error:#}"),
    }
}

type Found = (String, &'static Resource, Value);

fn read(source: &Source) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for document in read_plain_documents(&source.text)? {
        collect(&source.name, document, &mut found)?;
    }
    Ok(found)
}

/// An object, or all objects of a list.
fn collect(file: &str, object: Value, into: &mut Vec<Found>) -> Result<()> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
    if let (true, Some(items)) = (kind.ends_with("List"), object.get("items").and_then(Value::as_array)) {
        return items.iter().try_for_each(|item| collect(file, item.clone(), into));
    }
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let Some(resource) = find_kind(group, version, &kind).filter(|resource| resource.is_stored()) else {
        bail!("no kind {kind:?} is known for apiVersion {:?}", text("apiVersion"));
    };
    into.push((file.to_owned(), resource, object));
    Ok(())
}

/// Whether it is another object than before.
async fn apply(client: &Client, resource: &'static Resource, object: Value) -> Result<bool> {
    let object: DynamicObject = serde_json::from_value(object).context("this is no object")?;
    let kind = ApiResource {
        group: resource.group.to_owned(),
        version: resource.version.to_owned(),
        api_version: resource.api_version(),
        kind: resource.kind.to_owned(),
        plural: resource.plural.to_owned(),
    };
    let name = object.metadata.name.clone().context("metadata.name is missing")?;
    let namespace = object.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let api: Api<DynamicObject> = match resource.namespaced {
        true => Api::namespaced_with(client.clone(), &namespace, &kind),
        false => Api::all_with(client.clone(), &kind),
    };
    let before = api.get_metadata_opt(&name).await?.and_then(|object| object.resource_version());
    let applied = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await?;
    Ok(applied.resource_version() != before)
}
