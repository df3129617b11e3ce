//! Sends a log to a client, and goes on while the container writes if it is to be followed.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::options::LogOptions;
use super::print::Printer;
use crate::http::answer::Body;
use crate::log_files::source::{Progress, Source};
use crate::node::{Inner, Node};
use crate::pod_key::{PodKey, uid_of};
use crate::view::PodView;

/// How often a growing file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So much is read ahead of a slow client.
const AHEAD: usize = 4;

/// The run of a container whose log it is.
#[derive(Debug)]
pub(super) struct Run {
    node: Weak<Inner>,
    pod: PodKey,
    uid: String,
    container: String,
    attempt: u32,
}

impl Run {
    pub(super) fn of(node: &Node, view: &PodView, container: &str, attempt: u32) -> Self {
        let (pod, uid) = (PodKey::of(&view.pod), uid_of(&view.pod).to_owned());
        Self { node: node.downgrade(), pod, uid, container: container.to_owned(), attempt }
    }

    /// Whether it may still write. It can't when its end is known.
    fn goes_on(&self) -> bool {
        let view = self.node.upgrade().and_then(|inner| Node::of(inner).pod(&self.pod));
        let view = view.filter(|view| uid_of(&view.pod) == self.uid);
        let record = view.as_ref().and_then(|view| view.ledger.containers.get(&self.container));
        record.is_some_and(|record| {
            record.restart_count == self.attempt && record.run.as_ref().is_some_and(|run| run.exit.is_none())
        })
    }
}

/// The answer; a task reads as the client takes.
pub(super) fn answer(path: PathBuf, options: LogOptions, run: Run) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(send(path, options, run, sender));
    let frames = ReceiverStream::new(receiver).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

async fn send(path: PathBuf, options: LogOptions, run: Run, client: mpsc::Sender<Bytes>) {
    let mut reading = Reading { source: Source::new(path, options.tail_lines), printer: Printer::new(&options) };
    loop {
        // Asked before reading: what is written before the end of a run is then surely read.
        let goes_on = options.follow && run.goes_on();
        let (back, read) = match tokio::task::spawn_blocking(move || reading.next()).await {
            Ok(outcome) => outcome,
            Err(panic) => return tracing::error!(%panic, "a log could not be read"),
        };
        reading = back;
        match read {
            Ok((bytes, progress)) => {
                if !bytes.is_empty() && client.send(bytes.into()).await.is_err() {
                    return;
                }
                if reading.printer.is_full() || (progress == Progress::End && !goes_on) {
                    return;
                }
                if progress == Progress::End && client_left_within(&client, LOOK_EVERY).await {
                    return;
                }
            }
            Err(error) => return tracing::warn!(%error, "a log can't be read"),
        }
    }
}

async fn client_left_within(client: &mpsc::Sender<Bytes>, time: Duration) -> bool {
    tokio::time::timeout(time, client.closed()).await.is_ok()
}

/// A log and how it is printed.
struct Reading {
    source: Source,
    printer: Printer,
}

impl Reading {
    fn next(mut self) -> (Self, io::Result<(Vec<u8>, Progress)>) {
        let mut out = Vec::new();
        let Self { source, printer } = &mut self;
        let read = source.read(|line| {
            if !printer.is_full() {
                printer.print(line, &mut out);
            }
        });
        (self, read.map(|progress| (out, progress)))
    }
}
