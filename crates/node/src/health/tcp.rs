//! tcpSocket: passes if somebody accepts the connection.

use std::time::Duration;

use tokio::net::TcpStream;

use super::target::host_port;
use super::tried::Tried;
use super::words;

pub(super) async fn probe(host: &str, port: u16, limit: Duration) -> Tried {
    let to = host_port(host, port);
    match tokio::time::timeout(limit, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Tried::Passed,
        Ok(Err(error)) => Tried::Failed(format!("dial tcp {to}: connect: {}", words::of_io(&error))),
        Err(_) => Tried::Failed(format!("dial tcp {to}: i/o timeout")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_that_is_listened_on_passes_and_another_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(probe("127.0.0.1", port, Duration::from_secs(5)).await, Tried::Passed);
        drop(listener);
        let refused = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
        assert_eq!(probe("127.0.0.1", port, Duration::from_secs(5)).await, Tried::Failed(refused));
    }
}
