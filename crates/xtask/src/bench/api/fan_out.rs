//! How long it takes until all of many watchers have heard of one change. Each has a connection of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::client::{Client, Connection};
use super::latency::Latency;
use super::objects::{config_map, folder};
use super::server::Server;

/// Changes that are made, one after the other.
const CHANGES: usize = 10;
/// Watchers that connect at once.
const AT_ONCE: u32 = 50;
/// How long all may take to hear.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two changes.
const PAUSE: Duration = Duration::from_millis(300);
/// What is changed.
const NAME: &str = "watched";

/// One change for many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOut {
    /// How many watch.
    pub watchers: u32,
    /// How often something was changed.
    pub changes: usize,
    /// From the request for the change until the last watcher has heard of it, in milliseconds.
    pub all_heard: Latency,
    /// Time on a CPU that the API needed for one watcher, in microseconds.
    pub cpu_us: f64,
    /// What a watcher costs the API, in kB (PSS).
    pub watcher_kb: f64,
}

/// Watches and measures.
pub async fn measure(server: &Server, watchers: u32) -> Result<FanOut> {
    let mut writer = server.client.connect().await?;
    let made = writer.json("POST", &folder("configmaps"), &config_map(NAME)).await?;
    let revision = made.pointer("/metadata/resourceVersion").and_then(|v| v.as_str()).context("no resourceVersion")?;
    let before = server.memory_mb();
    let (heard, mut hears) = unbounded_channel();
    let mut left = watchers;
    while left > 0 {
        let now = left.min(AT_ONCE);
        let opening = (0..now).map(|_| tokio::spawn(open(server.client.clone(), revision.to_owned(), heard.clone())));
        for opened in opening.collect::<Vec<_>>() {
            opened.await.context("a watcher")??;
        }
        left -= now;
    }
    let watcher_kb = (server.memory_mb() - before) * 1000.0 / f64::from(watchers.max(1));
    sleep(PAUSE).await;
    let (mut times, cpu) = (Vec::new(), server.cpu_time());
    for change in 0..CHANGES {
        times.push(change_once(&mut writer, &mut hears, change, watchers).await?);
        sleep(PAUSE).await;
    }
    let spent = server.cpu_time().saturating_sub(cpu);
    Ok(FanOut {
        watchers,
        changes: CHANGES,
        all_heard: Latency::of(&times).context("nothing was changed")?,
        cpu_us: spent.as_secs_f64() * 1e6 / (f64::from(watchers) * CHANGES as f64),
        watcher_kb,
    })
}

/// Milliseconds until all have heard.
async fn change_once(
    writer: &mut Connection,
    hears: &mut UnboundedReceiver<Instant>,
    change: usize,
    watchers: u32,
) -> Result<f64> {
    let start = Instant::now();
    let patch = Bytes::from(json!({"data": {"change": change.to_string()}}).to_string());
    writer.call("PATCH", &format!("{}/{NAME}", folder("configmaps")), &patch).await?;
    let mut last = start;
    let all = async {
        for _ in 0..watchers {
            last = last.max(hears.recv().await.context("all watchers have ended")?);
        }
        anyhow::Ok(())
    };
    timeout(LIMIT, all).await.context("not all watchers have heard")??;
    Ok(last.duration_since(start).as_secs_f64() * 1000.0)
}

/// Begins to watch. Each event is told with the time at which it was there.
async fn open(client: Client, revision: String, heard: UnboundedSender<Instant>) -> Result<()> {
    let mut connection = client.connect().await?;
    let selector = format!("fieldSelector=metadata.name%3D{NAME}&resourceVersion={revision}");
    let path = format!("{}?watch=true&timeoutSeconds=600&{selector}", folder("configmaps"));
    let response = connection.send("GET", &path, &Bytes::new()).await?;
    if !response.status().is_success() {
        bail!("a watch was answered with {}", response.status());
    }
    tokio::spawn(async move {
        follow(response.into_body(), heard).await;
        // The connection is there as long as it is watched.
        drop(connection);
    });
    Ok(())
}

async fn follow(mut body: Incoming, heard: UnboundedSender<Instant>) {
    while let Some(Ok(frame)) = body.frame().await {
        let events = frame.data_ref().map_or(0, |data| data.iter().filter(|byte| **byte == b'\n').count());
        for _ in 0..events {
            if heard.send(Instant::now()).is_err() {
                return;
            }
        }
    }
}
