//! HTTP over TLS: connections, who asks and whether they may, which code answers, and what an answer is made of.

mod answer;
mod body;
mod connection;
mod fair_queue;
mod listen;
mod metrics;
mod resource;
mod route;
mod stall;
mod tls;
mod under_way;
mod unversioned;

pub(crate) use answer::{Body, response, streamed, whole};
pub(crate) use body::read as read_body;
pub(crate) use fair_queue::{FairQueue, QueueLimits};
pub(crate) use listen::{Listening, bind, bind_ahead, listen};
pub(crate) use metrics::Metrics;
