//! What the API has counted: requests that write, and events of watches.

use anyhow::{Context, Result};
use bytes::Bytes;

use crate::bench::api::server::Server;

/// Verbs that change something.
const WRITES: [&str; 6] = ["CREATE", "UPDATE", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];

/// Since the API's start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counters {
    /// Requests that write, leases not among them.
    pub writes: f64,
    /// Events that watches told.
    pub watch_events: f64,
}

impl Counters {
    /// As they stand.
    pub async fn read(server: &Server) -> Result<Self> {
        let text = server.client.connect().await?.call("GET", "/metrics", &Bytes::new()).await?;
        Self::of(std::str::from_utf8(&text).context("/metrics is no text")?)
    }

    fn of(text: &str) -> Result<Self> {
        let mut counters = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let value = || value.parse::<f64>().with_context(|| format!("{line}: no number"));
            if name.starts_with("apiserver_watch_events_total{") {
                counters.watch_events += value()?;
            } else if name.starts_with("apiserver_request_total{")
                && !name.contains("resource=\"leases\"")
                && WRITES.iter().any(|verb| name.contains(&format!("verb=\"{verb}\"")))
            {
                counters.writes += value()?;
            }
        }
        Ok(counters)
    }

    /// What came since `before`.
    pub fn since(self, before: Self) -> Self {
        Self { writes: self.writes - before.writes, watch_events: self.watch_events - before.watch_events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_summed_without_leases() {
        let text = "# TYPE a counter\n\
            apiserver_request_total{verb=\"PATCH\",group=\"\",resource=\"pods\",subresource=\"status\",code=\"200\"} 5\n\
            apiserver_request_total{verb=\"CREATE\",group=\"\",resource=\"pods\",subresource=\"\",code=\"201\"} 2\n\
            apiserver_request_total{verb=\"UPDATE\",group=\"c\",resource=\"leases\",subresource=\"\",code=\"200\"} 9\n\
            apiserver_request_total{verb=\"WATCH\",group=\"\",resource=\"pods\",subresource=\"\",code=\"200\"} 3\n\
            apiserver_watch_events_total{group=\"\",kind=\"Pod\"} 7\n\
            apiserver_watch_events_total{group=\"\",kind=\"Node\"} 4\n";
        assert_eq!(Counters::of(text).unwrap(), Counters { writes: 7.0, watch_events: 11.0 });
    }
}
