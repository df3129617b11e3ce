//! A registry behind a line that stops in the middle of a layer until it is let go on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// What passes before the line stops: manifests do, a layer does not.
const FREE_BYTES: u64 = 96 * 1024;

/// The line to a registry.
pub struct SlowLine {
    host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    passed: AtomicU64,
    open: AtomicBool,
}

impl SlowLine {
    /// In front of the registry at `host`. Its threads end with the test's process.
    pub fn to(host: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self { host: listener.local_addr().unwrap().to_string(), state: Arc::default() };
        let state = Arc::clone(&line.state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, server) = (Arc::clone(&state), TcpStream::connect(&host).unwrap());
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from, to, |_| {}));
                thread::spawn(move || pass(server, client, |bytes| state.account(bytes)));
            }
        });
        line
    }

    /// `host:port` as images name it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether somebody waits for the rest.
    pub fn is_stuck(&self) -> bool {
        self.state.passed.load(Ordering::SeqCst) > FREE_BYTES
    }

    /// From now on everything passes.
    pub fn open(&self) {
        self.state.open.store(true, Ordering::SeqCst);
    }
}

impl State {
    fn account(&self, bytes: u64) {
        let passed = self.passed.fetch_add(bytes, Ordering::SeqCst) + bytes;
        while passed > FREE_BYTES && !self.open.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, account: impl Fn(u64)) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(n) = from.read(&mut buffer) {
        account(n as u64);
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
