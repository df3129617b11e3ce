//! The way to an API, which can be cut.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on to a port of this machine, unless it is cut.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    open: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(watch::Sender::new(true));
        let task = tokio::spawn(accept(listener, target, open.clone()));
        Self { port, open, task }
    }

    /// Breaks all connections, and those that come.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: u16, open: Arc<watch::Sender<bool>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut is_open = open.subscribe();
        if *is_open.borrow_and_update() {
            tokio::spawn(async move {
                tokio::select! {
                    () = pass(client, target) => {}
                    // Dropping both ends breaks them.
                    _ = is_open.wait_for(|open| !open) => {}
                }
            });
        }
    }
}

async fn pass(mut client: TcpStream, target: u16) {
    if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await {
        // Either end may break off at any time.
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}
