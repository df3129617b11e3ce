//! Asks a URL for its manifest again and again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::StaticPodConfig;
use crate::error::chain;

/// What the kubelet gives such a request.
const LIMIT: Duration = Duration::from_secs(10);
/// No manifest is longer than this, in bytes.
const MOST: usize = 10 * 1024 * 1024;

/// Goes on until nobody takes the answers. An answer is the manifest, or why there is none.
pub(super) async fn ask(url: String, config: StaticPodConfig, answers: mpsc::Sender<Result<String, String>>) {
    // Fails only if a provider is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = match reqwest::Client::builder().timeout(LIMIT).build() {
        Ok(client) => client,
        Err(error) => return tracing::error!(error = %chain(&error), "static pods can't be had from {url}"),
    };
    let mut ticks = tokio::time::interval(config.http_period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = fetch(&client, &url, &config.url_headers).await;
        if answers.send(answer.map_err(|why| format!("{url}: {why}"))).await.is_err() {
            return;
        }
    }
}

async fn fetch(client: &reqwest::Client, url: &str, headers: &[(String, String)]) -> Result<String, String> {
    let request = headers.iter().fold(client.get(url), |request, (name, value)| request.header(name, value));
    let mut response = request.send().await.map_err(|error| chain(&error))?;
    if !response.status().is_success() {
        return Err(format!("answered with {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| chain(&error))? {
        body.extend_from_slice(&part);
        if body.len() > MOST {
            return Err(format!("the answer is longer than {MOST} bytes"));
        }
    }
    if body.is_empty() {
        return Err("zero-length data received".to_owned());
    }
    String::from_utf8(body).map_err(|_| "the answer is no text".to_owned())
}
