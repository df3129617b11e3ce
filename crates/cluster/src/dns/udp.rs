//! Questions over UDP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::resolve::{Begun, Resolver, Transport};

/// The largest question that is taken; longer ones are cut off, and then can't be understood.
const LARGEST_QUESTION: usize = 4096;
/// A socket that does not work is left alone for a while.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for ever. What the cluster knows is answered in turn, as it takes microseconds; nothing waits for other servers.
pub(super) async fn serve(socket: Arc<UdpSocket>, resolver: Arc<Resolver>) {
    let mut buffer = vec![0; LARGEST_QUESTION];
    // As many as the resolver has seats.
    let mut pending = JoinSet::new();
    loop {
        // Both lose nothing when the other one is first.
        tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok((length, client)) => match resolver.begin(&buffer[..length], client.ip(), Transport::Udp) {
                    Begun::Reply(reply) => send(&socket, &reply, client).await,
                    Begun::Pending(question) => {
                        let (socket, resolver) = (socket.clone(), resolver.clone());
                        pending.spawn(async move {
                            let reply = resolver.finish(question).await;
                            send(&socket, &reply, client).await;
                        });
                    }
                    Begun::Ignored => {}
                },
                Err(error) => {
                    tracing::debug!("no question over UDP can be taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(ended) = pending.join_next() => {
                if let Err(error) = ended {
                    tracing::warn!("a question could not be passed on: {error}");
                }
            }
        }
    }
}

/// Who does not get it asks again.
async fn send(socket: &UdpSocket, reply: &[u8], client: SocketAddr) {
    if let Err(error) = socket.send_to(reply, client).await {
        tracing::debug!("an answer can't be sent to {client}: {error}");
    }
}
