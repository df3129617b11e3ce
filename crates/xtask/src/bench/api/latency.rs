//! How long single calls take.

use std::time::Instant;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde::Serialize;

use super::objects::{config_map, folder};
use super::server::Server;
use crate::bench::quantiles::quantile;

/// Calls of each kind.
const CALLS: usize = 300;

/// What half and 99 of 100 calls take at most, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them.
    pub p50: f64,
    /// All but one in a hundred.
    pub p99: f64,
}

impl Latency {
    /// `None` for no calls.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { p50: quantile(&sorted, 0.5)?, p99: quantile(&sorted, 0.99)? })
    }
}

/// Of one client that does one thing after the other, while all Pods are there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latencies {
    /// One Pod.
    pub get: Latency,
    /// The first 500 Pods, as kubectl asks for them.
    pub list_500: Latency,
    /// One Pod, found among all by a field selector.
    pub list_selected: Latency,
    /// A ConfigMap, durable.
    pub create: Latency,
}

/// Calls and measures.
pub async fn measure(server: &Server, pods: u32) -> Result<Latencies> {
    let (count, pods) = (pods as usize, folder("pods"));
    Ok(Latencies {
        get: calls(server, |number| ("GET", format!("{pods}/pod-{}", number % count), Bytes::new())).await?,
        list_500: calls(server, |_| ("GET", format!("{pods}?limit=500"), Bytes::new())).await?,
        list_selected: calls(server, |number| {
            ("GET", format!("{pods}?fieldSelector=metadata.name%3Dpod-{}", number % count), Bytes::new())
        })
        .await?,
        create: calls(server, |number| {
            ("POST", folder("configmaps"), Bytes::from(config_map(&format!("latency-{number}")).to_string()))
        })
        .await?,
    })
}

async fn calls(server: &Server, call: impl Fn(usize) -> (&'static str, String, Bytes)) -> Result<Latency> {
    let mut connection = server.client.connect().await?;
    let mut times = Vec::with_capacity(CALLS);
    for number in 0..CALLS {
        let (method, path, body) = call(number);
        let start = Instant::now();
        connection.call(method, &path, &body).await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Latency::of(&times).context("nothing was called")
}
