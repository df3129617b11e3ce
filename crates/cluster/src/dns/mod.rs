//! Names for Pods: what a cluster's DNS answers, for the cluster's services and Pods, and the host's servers for all others.
//!
//! ```text
//! API --watch of services and Pods (follow)--> Names, changed with each event
//!                                                |
//! Pod --UDP, TCP (udp, tcp)--> query --> answer(names, query) --+--> the cluster's own: answered at once
//!                                                               +--> others: passed on to the host's servers (forward)
//! ```
//!
//! What is answered is Kubernetes' DNS specification, version 1.1.0, with CoreDNS's choices where it leaves them open. Everything
//! that strangers can make grow has a bound: passed on queries and connections, in all and for each client.

mod answer;
mod error;
mod follow;
mod forward;
mod listen;
mod message;
mod names;
mod options;
mod resolve;
mod seats;
mod tcp;
mod udp;
mod upstream;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::names::Names;
use self::resolve::Resolver;
use self::upstream::Upstreams;

pub use error::DnsError;
pub use options::{DnsOptions, Network};

/// The port of DNS.
pub const PORT: u16 = 53;

/// The names that are answered, changed by who follows the API and read by who answers.
type SharedNames = Arc<RwLock<Names>>;

/// A DNS server at work. Dropped, it ends too.
#[derive(Debug)]
pub struct DnsServer {
    addresses: Vec<SocketAddr>,
    is_complete: watch::Receiver<bool>,
    tasks: JoinSet<()>,
}

/// Serves the names of the cluster that `client` reaches, which need not answer yet: until it does, what is asked of the
/// cluster is answered with `SERVFAIL`.
///
/// # Errors
/// If an address can't be had ([`DnsError::is_taken`] tells whether somebody else has it), or the domain is none.
pub async fn serve(client: Client, options: DnsOptions) -> Result<DnsServer, DnsError> {
    let mut bound = Vec::new();
    for address in &options.listen {
        bound.push(listen::bind(*address, options.bind_ahead).await?);
    }
    let addresses: Vec<SocketAddr> = bound.iter().map(|sockets| sockets.address).collect();
    let own = addresses.iter().map(SocketAddr::ip).collect();
    let names: SharedNames = Arc::new(RwLock::new(Names::new(&options.domain, own)?));
    let upstreams = Upstreams::new(options.resolv_conf, addresses.clone(), PORT);
    let resolver = Arc::new(Resolver::new(names.clone(), upstreams, options.clients));
    let (complete, is_complete) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(follow::follow(client, names, complete));
    for sockets in bound {
        tasks.spawn(udp::serve(Arc::new(sockets.udp), resolver.clone()));
        tasks.spawn(tcp::serve(sockets.tcp, resolver.clone()));
    }
    Ok(DnsServer { addresses, is_complete, tasks })
}

impl DnsServer {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits until all names that the cluster had at the start are known.
    pub async fn ready(&self) {
        // Its sender ends only with the server.
        let _ = self.is_complete.clone().wait_for(|complete| *complete).await;
    }

    /// Ends it.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What a panic elsewhere has left is a state like any other: each change is whole.
fn read(names: &SharedNames) -> std::sync::RwLockReadGuard<'_, Names> {
    names.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(names: &SharedNames) -> std::sync::RwLockWriteGuard<'_, Names> {
    names.write().unwrap_or_else(PoisonError::into_inner)
}
