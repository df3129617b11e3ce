//! Which sandboxes and containers a filter wants, and long lists in pieces.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use prost::Message;
use reprise_cri::v1::{ContainerFilter, ContainerStatsFilter, PodSandboxFilter, PodSandboxStatsFilter};
use tokio_stream::Stream;
use tonic::Status;

use super::answer;
use super::engine::Engine;
use super::state::{Container, Sandbox};

/// How many bytes of a list go in one message of a stream, unless one item alone has more.
const PIECE_BYTES: usize = 1024 * 1024;

fn has_labels(labels: &HashMap<String, String>, wanted: &HashMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn begins(id: &str, wanted: &str) -> bool {
    id.starts_with(wanted)
}

impl Engine {
    pub fn sandboxes_like(&self, filter: &PodSandboxFilter) -> Vec<Arc<Sandbox>> {
        let wanted = |s: &Arc<Sandbox>| {
            begins(&s.id, &filter.id)
                && filter.state.as_ref().is_none_or(|state| state.state == i32::from(answer::sandbox_state(s)))
                && has_labels(&s.config.labels, &filter.label_selector)
        };
        self.inventory.sandboxes().into_iter().filter(wanted).collect()
    }

    pub fn containers_like(&self, filter: &ContainerFilter) -> Vec<Arc<Container>> {
        let wanted = |c: &Arc<Container>| {
            begins(&c.id, &filter.id)
                && begins(&c.sandbox.id, &filter.pod_sandbox_id)
                && filter.state.as_ref().is_none_or(|state| state.state == i32::from(answer::container_state(c)))
                && has_labels(&c.config.labels, &filter.label_selector)
        };
        self.inventory.containers().into_iter().filter(wanted).collect()
    }

    pub fn sandboxes_for_stats(&self, filter: Option<PodSandboxStatsFilter>) -> Vec<Arc<Sandbox>> {
        let PodSandboxStatsFilter { id, label_selector } = filter.unwrap_or_default();
        self.sandboxes_like(&PodSandboxFilter { id, label_selector, state: None })
    }

    pub fn containers_for_stats(&self, filter: Option<ContainerStatsFilter>) -> Vec<Arc<Container>> {
        let ContainerStatsFilter { id, pod_sandbox_id, label_selector } = filter.unwrap_or_default();
        self.containers_like(&ContainerFilter { id, pod_sandbox_id, label_selector, state: None })
    }
}

/// The answers of a streaming list: messages that `wrap` makes of pieces of `items`.
pub type Pieces<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Streams `items` in pieces.
pub fn pieces<I: Message + 'static, T: Send + 'static>(items: Vec<I>, wrap: fn(Vec<I>) -> T) -> Pieces<T> {
    Box::pin(tokio_stream::iter(cut(items, PIECE_BYTES).into_iter().map(move |piece| Ok(wrap(piece)))))
}

fn cut<I: Message>(items: Vec<I>, limit: usize) -> Vec<Vec<I>> {
    let mut pieces: Vec<Vec<I>> = Vec::new();
    let mut room = 0;
    for item in items {
        let size = item.encoded_len();
        match pieces.last_mut() {
            Some(piece) if size <= room => {
                room -= size;
                piece.push(item);
            }
            _ => {
                room = limit.saturating_sub(size);
                pieces.push(vec![item]);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_cri::v1::PodIp;

    #[test]
    fn a_long_list_is_cut_by_size_and_a_long_item_goes_alone() {
        let item = |n: usize| PodIp { ip: "1".repeat(n) };
        let sizes =
            |limit| cut(vec![item(10), item(10), item(90), item(10)], limit).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(30), [2, 1, 1]);
        assert_eq!(sizes(1000), [4]);
        assert!(cut(Vec::<PodIp>::new(), 30).is_empty());
    }
}
