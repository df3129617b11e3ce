//! `/metrics/cadvisor`: what the runtime measures of containers, passed on under the names that it gives (KEP-2371).

use std::collections::{BTreeMap, HashMap};

use reprise_cri::v1::{Metric, MetricDescriptor, MetricType};

use crate::error::chain;
use crate::metrics::text::{Label, Text};
use crate::node::Node;
use crate::pod_key::PodKey;

/// What a scraper wants to know of a measured thing, whatever the runtime calls it.
#[derive(Debug, Clone, Default)]
struct Place {
    namespace: String,
    pod: String,
    /// Empty for what is the Pod's as a whole.
    container: String,
}

/// All metrics. Where the runtime has none, that is all that is said.
pub(super) async fn text(node: &Node) -> Text {
    let mut text = Text::default();
    let (descriptors, metrics) = match node.runtime_metrics().await {
        Ok(measured) => measured,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "the runtime tells no metrics");
            text.gauge(SCRAPE_ERROR, SCRAPE_HELP, 1.0);
            return text;
        }
    };
    let places = places(node);
    let mut by_name: BTreeMap<&str, Vec<(&Metric, Place)>> = BTreeMap::new();
    for sandbox in &metrics {
        let of_pod = places.get(&sandbox.pod_sandbox_id).cloned().unwrap_or_default();
        let own = sandbox.metrics.iter().map(|metric| (metric, of_pod.clone()));
        let containers = sandbox.container_metrics.iter().flat_map(|container| {
            let place = places.get(&container.container_id).cloned().unwrap_or_default();
            container.metrics.iter().map(move |metric| (metric, place.clone()))
        });
        for (metric, place) in own.chain(containers) {
            by_name.entry(metric.name.as_str()).or_default().push((metric, place));
        }
    }
    for descriptor in &descriptors {
        let samples = by_name.remove(descriptor.name.as_str()).unwrap_or_default();
        write(&mut text, descriptor, &samples);
    }
    text.gauge(SCRAPE_ERROR, SCRAPE_HELP, 0.0);
    text
}

const SCRAPE_ERROR: &str = "container_scrape_error";
const SCRAPE_HELP: &str = "1 if the metrics of containers could not be had.";

/// The Pod and container behind each id of the runtime.
fn places(node: &Node) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    for view in node.pods() {
        let PodKey { namespace, name: pod } = PodKey::of(&view.pod);
        let place = Place { namespace, pod, container: String::new() };
        for (name, record) in &view.ledger.containers {
            if let Some(run) = &record.run {
                places.insert(run.id.clone(), Place { container: name.clone(), ..place.clone() });
            }
        }
        if let Some(sandbox) = view.ledger.sandbox {
            places.insert(sandbox.id, place);
        }
    }
    places
}

fn write(text: &mut Text, descriptor: &MetricDescriptor, samples: &[(&Metric, Place)]) {
    let Some((first, _)) = samples.first() else { return };
    let kind = if first.metric_type() == MetricType::Counter { "counter" } else { "gauge" };
    text.head(&descriptor.name, kind, &descriptor.help);
    for (metric, place) in samples {
        let value = metric.value.as_ref().map_or(0, |value| value.value);
        text.sample(&descriptor.name, &labels(descriptor, metric, place), value as f64);
    }
}

/// Those of the runtime, and the Pod's names where it does not have them.
fn labels<'a>(descriptor: &'a MetricDescriptor, metric: &'a Metric, place: &'a Place) -> Vec<Label<'a>> {
    let given = descriptor.label_keys.iter().map(String::as_str).zip(metric.label_values.iter().map(String::as_str));
    let mut labels: Vec<Label<'a>> = given.collect();
    for (key, value) in [("container", &place.container), ("namespace", &place.namespace), ("pod", &place.pod)] {
        if labels.iter().all(|(known, _)| *known != key) {
            labels.push((key, value));
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use reprise_cri::v1::UInt64Value;

    use super::*;

    #[test]
    fn samples_have_the_runtimes_labels_and_the_pods_names() {
        let keys = ["id", "device"].map(str::to_owned).to_vec();
        let descriptor = MetricDescriptor { name: "m_total".to_owned(), help: "Of m.".to_owned(), label_keys: keys };
        let metric = Metric {
            name: "m_total".to_owned(),
            label_values: vec!["c1".to_owned(), "sda".to_owned()],
            value: Some(UInt64Value { value: 7 }),
            ..Metric::default()
        };
        let place = Place { namespace: "n".to_owned(), pod: "p".to_owned(), container: "c".to_owned() };
        let mut text = Text::default();
        write(&mut text, &descriptor, &[(&metric, place)]);
        let sample = "m_total{id=\"c1\",device=\"sda\",container=\"c\",namespace=\"n\",pod=\"p\"} 7\n";
        assert_eq!(text.into_string(), format!("# HELP m_total Of m.\n# TYPE m_total counter\n{sample}"));
    }
}
