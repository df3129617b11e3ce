//! The network of hollow Pods: their addresses, and an HTTP proxy through which probes reach what they serve.
//!
//! Addresses are of 198.18.0.0/15, which is set aside for benchmarks (RFC 2544): nobody has them, so what is not asked through the
//! proxy finds nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
const LAST: u32 = u32::from_be_bytes([198, 19, 255, 254]);

/// All Pods' addresses and what is served there.
#[derive(Debug, Default)]
pub(crate) struct Network(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: u32,
    free: Vec<Ipv4Addr>,
    /// The path that is answered with 200 at each address and port.
    served: HashMap<(Ipv4Addr, u16), String>,
}

impl Network {
    /// An address that nobody has; none if all are taken.
    pub(crate) fn take(&self) -> Option<Ipv4Addr> {
        let mut state = self.state();
        if let Some(free) = state.free.pop() {
            return Some(free);
        }
        let next = FIRST + state.taken;
        state.taken += u32::from(next <= LAST);
        (next <= LAST).then(|| Ipv4Addr::from(next))
    }

    pub(crate) fn give_back(&self, address: Ipv4Addr) {
        let mut state = self.state();
        state.served.retain(|(at, _), _| *at != address);
        state.free.push(address);
    }

    /// Whoever asks for `path` there gets 200 until the answer is dropped.
    pub(crate) fn serve(self: &Arc<Self>, address: Ipv4Addr, port: u16, path: &str) -> Served {
        self.state().served.insert((address, port), path.to_owned());
        Served { network: Arc::clone(self), place: (address, port) }
    }

    fn answer(&self, request: &Request<Incoming>) -> StatusCode {
        let place = request.uri().authority().and_then(|place| {
            let address: Ipv4Addr = place.host().parse().ok()?;
            Some((address, place.port_u16().unwrap_or(80)))
        });
        let Some(place) = place else { return StatusCode::BAD_REQUEST };
        match self.state().served.get(&place) {
            // Nobody listens there.
            None => StatusCode::BAD_GATEWAY,
            Some(path) if path == request.uri().path() => StatusCode::OK,
            Some(_) => StatusCode::NOT_FOUND,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is served.
#[derive(Debug)]
pub(crate) struct Served {
    network: Arc<Network>,
    place: (Ipv4Addr, u16),
}

impl Drop for Served {
    fn drop(&mut self) {
        self.network.state().served.remove(&self.place);
    }
}

/// Serves the proxy on a loopback port until the task is aborted.
pub(crate) async fn serve(network: Arc<Network>) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((address, tokio::spawn(accept(listener, network))))
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a probe can't be accepted");
                // Out of descriptors: there will be some when others close theirs.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let network = Arc::clone(&network);
        tokio::spawn(async move {
            let answer = service_fn(|request: Request<Incoming>| {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = network.answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
                tracing::debug!(%error, "a probe's connection broke");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_and_used_again() {
        let network = Network::default();
        let (first, second) = (network.take().unwrap(), network.take().unwrap());
        assert_eq!((first.to_string(), second.to_string()), ("198.18.0.1".to_owned(), "198.18.0.2".to_owned()));
        network.give_back(first);
        assert_eq!(network.take(), Some(first));
    }

    #[test]
    fn what_is_served_ends_with_who_serves_it() {
        let network = Arc::new(Network::default());
        let address = network.take().unwrap();
        let served = network.serve(address, 8081, "/up");
        assert_eq!(network.state().served.len(), 1);
        drop(served);
        assert!(network.state().served.is_empty());
    }
}
