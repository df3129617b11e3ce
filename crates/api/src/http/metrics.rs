//! What was asked and how long answers took, and how much is stored: `/metrics`, in Prometheus' text format with the API server's
//! names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::access::Request;
use crate::resources::{Resource, TABLE, find};
use crate::store::Store;

/// Bounds of the buckets, in seconds. Watches and logs are counted when they begin.
const BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 15.0];

/// Counts of requests and of what watches tell, and what others in this process count.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Labels, Count>>,
    /// Events that watches have told, by group and kind.
    watched: Mutex<BTreeMap<(&'static str, &'static str), Arc<AtomicU64>>>,
    others: Mutex<Vec<Source>>,
}

/// Metrics of somebody else, in the same format.
type Source = Box<dyn Fn() -> String + Send>;

/// What a request was, in words that are known beforehand: what clients make up is not kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    verb: String,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    code: u16,
}

#[derive(Debug, Default)]
struct Count {
    requests: u64,
    seconds: f64,
    buckets: [u64; BOUNDS.len()],
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn count(&self, request: &Request, code: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(Labels::of(request, code)).or_default();
        count.requests += 1;
        count.seconds += seconds;
        for (bucket, bound) in count.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    /// From now on, what this gives is a part of the text.
    pub fn add(&self, source: impl Fn() -> String + Send + 'static) {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(source));
    }

    /// What counts the events that watches of a resource tell.
    pub fn watched(&self, resource: &Resource) -> Arc<AtomicU64> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry((resource.group, resource.kind)).or_default())
    }

    /// Everything, as text.
    pub fn text(&self, store: &Store) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _: std::fmt::Result = self.write(store, &mut text);
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend(others.iter().map(|source| source()));
        text
    }

    fn write(&self, store: &Store, text: &mut String) -> std::fmt::Result {
        let all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        head(text, "apiserver_request_total", "counter", "Requests that were answered.")?;
        for (labels, count) in all.iter() {
            writeln!(text, "apiserver_request_total{{{labels},code=\"{}\"}} {}", labels.code, count.requests)?;
        }
        let name = "apiserver_request_duration_seconds";
        head(text, name, "histogram", "How long answers took; watches and streams until they began.")?;
        for (labels, count) in all.iter() {
            let code = labels.code;
            for (bucket, bound) in count.buckets.iter().zip(BOUNDS) {
                writeln!(text, "{name}_bucket{{{labels},code=\"{code}\",le=\"{bound}\"}} {bucket}")?;
            }
            writeln!(text, "{name}_bucket{{{labels},code=\"{code}\",le=\"+Inf\"}} {}", count.requests)?;
            writeln!(text, "{name}_sum{{{labels},code=\"{code}\"}} {}", count.seconds)?;
            writeln!(text, "{name}_count{{{labels},code=\"{code}\"}} {}", count.requests)?;
        }
        drop(all);
        head(text, "apiserver_watch_events_total", "counter", "Events that watches have told.")?;
        for ((group, kind), told) in self.watched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let told = told.load(Ordering::Relaxed);
            writeln!(text, "apiserver_watch_events_total{{group=\"{group}\",kind=\"{kind}\"}} {told}")?;
        }
        head(text, "apiserver_storage_objects", "gauge", "Objects that are stored.")?;
        for row in TABLE.iter().filter(|row| row.is_stored()) {
            let objects = store.list(row.stored_as, None).0.len();
            writeln!(text, "apiserver_storage_objects{{resource=\"{}\"}} {objects}", row.stored_as)?;
        }
        head(text, "reprise_api_revision", "gauge", "The revision of the newest change.")?;
        writeln!(text, "reprise_api_revision {}", store.revision())
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

impl Labels {
    fn of(request: &Request, code: u16) -> Self {
        let known_verb = |verb: &str| verb.bytes().all(|byte| byte.is_ascii_lowercase()) && verb.len() <= 16;
        let (Request::Path { verb, .. } | Request::Resource(crate::access::ResourceRequest { verb, .. })) = request;
        let verb = if known_verb(verb) { verb.clone() } else { String::new() };
        let row = match request {
            Request::Resource(of) => find(&of.group, &of.version, &of.resource).map(|row| (row, &of.subresource)),
            Request::Path { .. } => None,
        };
        let Some((row, part)) = row else { return Self { verb, group: "", resource: "", subresource: "", code } };
        let subresource = row.subresource(part).map_or("", |subresource| subresource.name);
        Self { verb, group: row.group, resource: row.plural, subresource, code }
    }
}

impl std::fmt::Display for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, group, resource, subresource, .. } = self;
        let verb = verb.to_ascii_uppercase();
        write!(f, "verb=\"{verb}\",group=\"{group}\",resource=\"{resource}\",subresource=\"{subresource}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::ResourceRequest;

    #[test]
    fn what_clients_make_up_makes_no_label() {
        let request = |resource: &str, verb: &str| {
            Request::Resource(ResourceRequest {
                verb: verb.to_owned(),
                version: "v1".to_owned(),
                resource: resource.to_owned(),
                ..ResourceRequest::default()
            })
        };
        let shown = |request: &Request| Labels::of(request, 200).to_string();
        assert_eq!(shown(&request("pods", "list")), "verb=\"LIST\",group=\"\",resource=\"pods\",subresource=\"\"");
        assert_eq!(shown(&request("\"x", "l\n")), "verb=\"\",group=\"\",resource=\"\",subresource=\"\"");
    }
}
