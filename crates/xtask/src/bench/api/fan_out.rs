//! How long it takes until all of many watchers have heard of one change. Each has a connection of its own, or many share one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::client::{Client, Connection, Many};
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

/// How watchers reach the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each over a connection of its own.
    OneEach,
    /// So many over one connection of HTTP/2.
    Shared(u32),
}

/// Watches and measures. `name`: what is changed, and not there yet.
pub async fn measure(server: &Server, name: &'static str, watchers: u32, way: Way) -> Result<FanOut> {
    let mut writer = server.client.connect().await?;
    let made = writer.json("POST", &folder("configmaps"), &config_map(name)).await?;
    let revision = made.pointer("/metadata/resourceVersion").and_then(|v| v.as_str()).context("no resourceVersion")?;
    let before = server.memory_mb();
    let (heard, mut hears) = unbounded_channel();
    let selector = format!("fieldSelector=metadata.name%3D{name}&resourceVersion={revision}");
    let path = format!("{}?watch=true&timeoutSeconds=600&{selector}", folder("configmaps"));
    let (mut left, mut shared, mut room) = (watchers, None, 0);
    while left > 0 {
        let now = left.min(AT_ONCE);
        let mut opening = Vec::new();
        for _ in 0..now {
            if let (Way::Shared(most), 0) = (way, room) {
                (shared, room) = (Some(server.client.connect_many().await?), most);
            }
            room = room.saturating_sub(1);
            opening.push(tokio::spawn(open(server.client.clone(), shared.clone(), path.clone(), heard.clone())));
        }
        for opened in opening {
            opened.await.context("a watcher")??;
        }
        left -= now;
    }
    let watcher_kb = (server.memory_mb() - before) * 1000.0 / f64::from(watchers.max(1));
    sleep(PAUSE).await;
    let (mut times, cpu) = (Vec::new(), server.cpu_time());
    for change in 0..CHANGES {
        times.push(change_once(&mut writer, name, &mut hears, change, watchers).await?);
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
    name: &str,
    hears: &mut UnboundedReceiver<Instant>,
    change: usize,
    watchers: u32,
) -> Result<f64> {
    let start = Instant::now();
    let patch = Bytes::from(json!({"data": {"change": change.to_string()}}).to_string());
    writer.call("PATCH", &format!("{}/{name}", folder("configmaps")), &patch).await?;
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

/// Begins to watch, over what is shared if that is given. Each event is told with the time at which it was there.
async fn open(client: Client, shared: Option<Many>, path: String, heard: UnboundedSender<Instant>) -> Result<()> {
    let (own, response) = match shared {
        Some(mut shared) => (None, shared.get(&path).await?),
        None => {
            let mut connection = client.connect().await?;
            let response = connection.send("GET", &path, &Bytes::new()).await?;
            (Some(connection), response)
        }
    };
    if !response.status().is_success() {
        bail!("a watch was answered with {}", response.status());
    }
    tokio::spawn(async move {
        follow(response.into_body(), heard).await;
        // The connection is there as long as it is watched.
        drop(own);
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
