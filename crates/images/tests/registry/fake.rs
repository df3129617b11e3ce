//! A registry that misbehaves on request: what no real one does when a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use reprise_images::Digest;
use serde_json::json;

use crate::image::{Layer, MANIFEST, architecture};

/// What a request gets instead of the content.
#[derive(Clone, Copy)]
pub enum Mischief {
    /// A status without a body.
    Status(u16),
    /// The first half of the content, and then the end of the connection.
    CutOff,
}

/// Serves one image, `app:1`.
pub struct Fake {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    content: HashMap<String, Vec<u8>>,
    /// By path, for so many requests.
    mischief: Mutex<HashMap<String, (u32, Mischief)>>,
    /// The token that requests need, if any.
    token: Option<String>,
    stopped: AtomicBool,
}

impl Fake {
    pub fn start(layer: &Layer, token: Option<&str>) -> Self {
        let config = json!({
            "architecture": architecture(), "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(layer.bytes())]},
        });
        let config = config.to_string().into_bytes();
        let blob = |content: &[u8]| json!({"digest": Digest::of(content), "size": content.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": blob(&config), "layers": [blob(layer.bytes())]});
        let content = HashMap::from([
            ("/v2/".to_owned(), b"{}".to_vec()),
            ("/v2/app/manifests/1".to_owned(), manifest.to_string().into_bytes()),
            (blob_path(&config), config),
            (blob_path(layer.bytes()), layer.bytes().to_vec()),
        ]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            content,
            mischief: Mutex::default(),
            token: token.map(str::to_owned),
            stopped: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                serving.answer(stream.unwrap(), port);
            }
        });
        Self { port, shared, thread: Some(thread) }
    }

    /// The image's name.
    pub fn image(&self) -> String {
        format!("127.0.0.1:{}/app:1", self.port)
    }

    /// Lets the next `times` requests for `path` go wrong.
    pub fn misbehave(&self, path: &str, times: u32, mischief: Mischief) {
        self.shared.mischief.lock().unwrap().insert(path.to_owned(), (times, mischief));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread up, which waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Where a blob is served.
pub fn blob_path(content: &[u8]) -> String {
    format!("/v2/app/blobs/{}", Digest::of(content))
}

impl Shared {
    /// One request a connection.
    fn answer(&self, stream: TcpStream, port: u16) {
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let headers: Vec<String> =
            lines.take_while(|line| !line.is_empty()).map(|line| line.to_ascii_lowercase()).collect();
        let (status, extra, body, cut) = self.decide(&path, &headers, port);
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n{extra}\r\n", body.len());
        let sent = if cut { &body[..body.len() / 2] } else { &body[..] };
        // The client may have gone.
        let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(sent));
    }

    fn decide(&self, path: &str, headers: &[String], port: u16) -> (u16, String, Vec<u8>, bool) {
        let mischief =
            self.mischief.lock().unwrap().get_mut(path).filter(|(times, _)| *times > 0).map(|(times, mischief)| {
                *times -= 1;
                *mischief
            });
        if let Some(token) = &self.token {
            if path.starts_with("/token?") {
                return (200, String::new(), json!({"token": token}).to_string().into_bytes(), false);
            }
            if !headers.contains(&format!("authorization: bearer {token}")) {
                let realm =
                    format!("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"s\"\r\n");
                return (401, realm, Vec::new(), false);
            }
        }
        match (mischief, self.content.get(path)) {
            (Some(Mischief::Status(status)), _) => (status, String::new(), Vec::new(), false),
            (_, None) => (404, String::new(), Vec::new(), false),
            (cut, Some(content)) => (200, String::new(), content.clone(), cut.is_some()),
        }
    }
}
