//! Many Pods: made, listed, watched, and changed while they are watched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::client::Connection;
use super::objects::{folder, namespace, pod};
use super::server::Server;

/// Clients that make and change Pods at once.
const CLIENTS: u32 = 32;
/// Until the namespace has its service account.
const ACCOUNT_WAIT: Duration = Duration::from_secs(10);

/// Many Pods.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    /// How many.
    pub pods: u32,
    /// From the start of a fresh API until it was ready, in seconds.
    pub ready_seconds: f64,
    /// The length of one's JSON.
    pub bytes_each: usize,
    /// Made in a second.
    pub created_per_second: f64,
    /// The API's memory then, in MB (PSS).
    pub memory_mb: f64,
    /// A list of all of them in one answer, in milliseconds.
    pub list_ms: f64,
    /// A watch that begins with all of them, until the last is there, in milliseconds.
    pub watch_list_ms: f64,
    /// Statuses written in a second while they are watched, until the watcher has heard of all of them.
    pub statuses_per_second: f64,
    /// The API's memory at the end, in MB (PSS).
    pub memory_after_mb: f64,
    /// The most that it had at once, in MB.
    pub peak_memory_mb: f64,
    /// The length of the database file, in MB.
    pub database_mb: f64,
}

/// Makes them and measures.
pub async fn measure(server: &Server, pods: u32) -> Result<Pods> {
    let mut connection = server.client.connect().await?;
    connection.json("POST", "/api/v1/namespaces", &namespace()).await?;
    let bytes_each = first(&mut connection).await?;
    let start = Instant::now();
    at_once(server, 1..pods, create).await?;
    let created_per_second = f64::from(pods - 1) / start.elapsed().as_secs_f64();
    let memory_mb = server.memory_mb();

    let start = Instant::now();
    let list = connection.call("GET", &folder("pods"), &Bytes::new()).await?;
    let list_ms = start.elapsed().as_secs_f64() * 1000.0;
    let list: Value = serde_json::from_slice(&list).context("the list")?;
    let listed = list.pointer("/items").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(listed == pods as usize, "{listed} of {pods} Pods were listed");
    drop(list);

    let start = Instant::now();
    let (watching, initial) = watch(server, pods).await?;
    initial.await.context("the watch")?;
    let watch_list_ms = start.elapsed().as_secs_f64() * 1000.0;
    let start = Instant::now();
    at_once(server, 0..pods, change_status).await?;
    let heard = watching.await.context("the watch")??;
    let statuses_per_second = f64::from(pods) / start.elapsed().as_secs_f64();
    ensure!(heard == pods as usize, "the watcher has heard of {heard} of {pods} changes");
    Ok(Pods {
        pods,
        ready_seconds: server.ready_after.as_secs_f64(),
        bytes_each,
        created_per_second,
        memory_mb,
        list_ms,
        watch_list_ms,
        statuses_per_second,
        memory_after_mb: server.memory_mb(),
        peak_memory_mb: server.peak_memory_mb(),
        database_mb: server.database_mb(),
    })
}

/// Makes the first one, once the namespace has its service account. The length of its JSON.
async fn first(connection: &mut Connection) -> Result<usize> {
    let end = Instant::now() + ACCOUNT_WAIT;
    let body = Bytes::from(pod("pod-0").to_string());
    loop {
        match connection.call("POST", &folder("pods"), &body).await {
            Ok(made) => return Ok(made.len()),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Does something to each Pod, some at once.
async fn at_once<F, R>(server: &Server, pods: std::ops::Range<u32>, act: F) -> Result<()>
where
    F: Fn(Connection, Vec<u32>) -> R,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let mut tasks = Vec::new();
    for client in 0..CLIENTS {
        let own = pods.clone().filter(|number| number % CLIENTS == client).collect();
        tasks.push(tokio::spawn(act(server.client.connect().await?, own)));
    }
    for task in tasks {
        task.await.context("a client")??;
    }
    Ok(())
}

async fn create(mut connection: Connection, numbers: Vec<u32>) -> Result<()> {
    for number in numbers {
        let body = Bytes::from(pod(&format!("pod-{number}")).to_string());
        connection.call("POST", &folder("pods"), &body).await?;
    }
    Ok(())
}

async fn change_status(mut connection: Connection, numbers: Vec<u32>) -> Result<()> {
    let body = Bytes::from(json!({"status": {"message": "measured"}}).to_string());
    for number in numbers {
        connection.call("PATCH", &format!("{}/pod-{number}/status", folder("pods")), &body).await?;
    }
    Ok(())
}

/// How many Pods a watcher has heard a change of.
type Watching = JoinHandle<Result<usize>>;

/// Watches from the beginning: what hears of changes, and what ends when all Pods were told of.
async fn watch(server: &Server, pods: u32) -> Result<(Watching, tokio::sync::oneshot::Receiver<()>)> {
    let mut connection = server.client.connect().await?;
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let path = format!("{}?watch=true&timeoutSeconds=600&{initial}", folder("pods"));
    let response = connection.send("GET", &path, &Bytes::new()).await?;
    ensure!(response.status().is_success(), "the watch was answered with {}", response.status());
    let (told, all_told) = tokio::sync::oneshot::channel();
    let mut told = Some(told);
    let watching = tokio::spawn(async move {
        let (mut body, mut buffer) = (response.into_body(), Vec::new());
        let (mut added, mut modified) = (0, BTreeMap::new());
        while modified.len() < pods as usize {
            let Some(frame) = body.frame().await else { break };
            buffer.extend_from_slice(frame.context("the watch")?.data_ref().map_or(&[], |data| &data[..]));
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).context("an event")?;
                let name = event.pointer("/object/metadata/name").and_then(Value::as_str).unwrap_or_default();
                match event["type"].as_str() {
                    Some("ADDED") => added += 1,
                    Some("MODIFIED") => drop(modified.insert(name.to_owned(), ())),
                    _ => {}
                }
            }
            if added == pods
                && let Some(told) = told.take()
            {
                // Who waits for it may have given up.
                let _ = told.send(());
            }
        }
        drop(connection);
        Ok(modified.len())
    });
    Ok((watching, all_told))
}
