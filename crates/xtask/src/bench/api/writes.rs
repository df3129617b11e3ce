//! How many small changes are made durable in a second: each client creates a ConfigMap and renews its Lease, in turn.

use std::time::Instant;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::client::Connection;
use super::latency::Latency;
use super::objects::{config_map, folder, lease, namespace};
use super::server::Server;

/// Small writes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Writes {
    /// How many.
    pub writes: u32,
    /// By how many clients at once.
    pub clients: u32,
    /// All of them together.
    pub per_second: f64,
    /// Each, in milliseconds.
    pub latency: Latency,
    /// Time on a CPU that the API needed for one, in microseconds.
    pub cpu_us: f64,
    /// The length of the database file after them, in MB.
    pub database_mb: f64,
    /// The API's memory after them, in MB (PSS).
    pub memory_mb: f64,
}

/// Writes and measures.
pub async fn measure(server: &Server, writes: u32, clients: u32) -> Result<Writes> {
    server.client.connect().await?.json("POST", "/api/v1/namespaces", &namespace()).await?;
    let mut connections = Vec::new();
    for number in 0..clients {
        let mut connection = server.client.connect().await?;
        let first = lease(&format!("client-{number}"), 0, None);
        let first = connection.json("POST", &folder("leases"), &first).await.context("make a Lease")?;
        connections.push((connection, first));
    }
    let (start, before) = (Instant::now(), server.cpu_time());
    let each = writes / clients.max(1);
    let mut tasks = Vec::new();
    for (number, (connection, lease)) in connections.into_iter().enumerate() {
        tasks.push(tokio::spawn(write(connection, number, lease, each)));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.context("a client")??);
    }
    let (took, spent) = (start.elapsed(), server.cpu_time().saturating_sub(before));
    Ok(Writes {
        writes: each * clients,
        clients,
        per_second: times.len() as f64 / took.as_secs_f64(),
        cpu_us: spent.as_secs_f64() * 1e6 / times.len() as f64,
        latency: Latency::of(&times).context("nothing was written")?,
        database_mb: server.database_mb(),
        memory_mb: server.memory_mb(),
    })
}

/// Milliseconds of each write.
async fn write(mut connection: Connection, client: usize, mut renewed: Value, writes: u32) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(writes as usize);
    let name = format!("client-{client}");
    let (config_maps, own_lease) = (folder("configmaps"), format!("{}/{name}", folder("leases")));
    for number in 0..writes {
        let start = Instant::now();
        if number % 2 == 0 {
            let body = Bytes::from(config_map(&format!("{name}-{number}")).to_string());
            connection.call("POST", &config_maps, &body).await?;
        } else {
            // As a node does it: the version is that of the last answer.
            let version = renewed.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            renewed = connection.json("PUT", &own_lease, &lease(&name, number, version)).await?;
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}
