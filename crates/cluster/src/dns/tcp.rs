//! Questions over TCP: those whose answers are too large for UDP.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::forward::{read_message, write_message};
use super::resolve::{Begun, Resolver, Transport};
use super::seats::Seats;

/// How many connections there are at once, in all and of each client.
const CONNECTIONS: usize = 64;
const CONNECTIONS_OF_ONE: usize = 16;
/// For how long one may be without a question (RFC 7766, 6.2.3: some seconds), and there at all.
const IDLE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// What can't be accepted, as there are no descriptors left, is tried again after a while.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for ever.
pub(super) async fn serve(listener: TcpListener, resolver: Arc<Resolver>) {
    let seats = Seats::new(CONNECTIONS, CONNECTIONS_OF_ONE);
    let mut connections = JoinSet::new();
    loop {
        // Both lose nothing when the other one is first.
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let client = client.ip();
                    let seat = if resolver.admits(client) { seats.take(client) } else { None };
                    // Whoever has too many is not answered: the connection is closed.
                    let Some(seat) = seat else { continue };
                    let resolver = resolver.clone();
                    connections.spawn(async move {
                        // Whether it went well only its client cares.
                        let _ = timeout(LONGEST, converse(stream, client, &resolver)).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::debug!("no connection for names can be taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::warn!("a connection for names broke: {error}");
                }
            }
        }
    }
}

/// One question after the other.
async fn converse(mut stream: TcpStream, client: IpAddr, resolver: &Resolver) -> io::Result<()> {
    loop {
        let question = timeout(IDLE, read_message(&mut stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let reply = match resolver.begin(&question, client, Transport::Tcp) {
            Begun::Reply(reply) => reply,
            Begun::Pending(pending) => resolver.finish(pending).await,
            Begun::Ignored => return Ok(()),
        };
        timeout(IDLE, write_message(&mut stream, &reply)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    }
}
