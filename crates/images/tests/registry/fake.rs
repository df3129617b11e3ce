//! A registry that misbehaves on request: what no real one does when a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
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
    /// So many bytes of something else.
    Junk(usize),
}

/// Serves one image, `app:1`.
pub struct Fake {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    content: HashMap<String, Vec<u8>>,
    /// Every request: method, path with query, authorization and body.
    requests: Mutex<Vec<String>>,
    /// By path, for so many requests.
    mischief: Mutex<HashMap<String, (u32, Mischief)>>,
    /// The token that requests need, if any, and where they are told to get it.
    token: Option<String>,
    realm: String,
    stopped: AtomicBool,
}

impl Fake {
    pub fn start(layer: &Layer, token: Option<&str>) -> Self {
        Self::start_with_realm(layer, token, None)
    }

    /// The same with a token server of another address.
    pub fn start_with_realm(layer: &Layer, token: Option<&str>, realm: Option<&str>) -> Self {
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
            requests: Mutex::default(),
            mischief: Mutex::default(),
            token: token.map(str::to_owned),
            realm: realm.map_or(format!("http://127.0.0.1:{port}/token"), str::to_owned),
            stopped: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                serving.answer(&stream.unwrap());
            }
        });
        Self { port, shared, thread: Some(thread) }
    }

    /// The image's name.
    pub fn image(&self) -> String {
        format!("127.0.0.1:{}/app:1", self.port)
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was asked: method, path with query, authorization and body of each request.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
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
    fn answer(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let head: Vec<String> =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let Some((request, headers)) = head.split_first() else { return };
        let header = |name: &str| {
            let found = headers.iter().filter_map(|line| line.split_once(": "));
            found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let authorization = header("authorization").unwrap_or_default();
        let target = request.rsplit_once(' ').unwrap().0;
        let asked = format!("{target} {authorization} {}", String::from_utf8_lossy(&body));
        self.requests.lock().unwrap().push(asked.trim_end().to_owned());
        let path = target.split([' ', '?']).nth(1).unwrap_or_default();
        let (status, extra, content, cut) = self.decide(path, &authorization);
        let length = content.len();
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{extra}\r\n");
        let sent = if cut { &content[..length / 2] } else { &content[..] };
        // The client may have gone.
        let _ = (&*stream).write_all(head.as_bytes()).and_then(|()| (&*stream).write_all(sent));
    }

    fn decide(&self, path: &str, authorization: &str) -> (u16, String, Vec<u8>, bool) {
        let mischief =
            self.mischief.lock().unwrap().get_mut(path).filter(|(times, _)| *times > 0).map(|(times, mischief)| {
                *times -= 1;
                *mischief
            });
        if let Some(token) = &self.token {
            if path == "/token" {
                return (200, String::new(), json!({"token": token}).to_string().into_bytes(), false);
            }
            if authorization != format!("Bearer {token}") {
                let realm = format!("WWW-Authenticate: Bearer realm=\"{}\",service=\"s\"\r\n", self.realm);
                return (401, realm, Vec::new(), false);
            }
        }
        match (mischief, self.content.get(path)) {
            (Some(Mischief::Status(status)), _) => (status, String::new(), Vec::new(), false),
            (Some(Mischief::Junk(length)), _) => (200, String::new(), vec![b' '; length], false),
            (_, None) => (404, String::new(), Vec::new(), false),
            (cut, Some(content)) => (200, String::new(), content.clone(), cut.is_some()),
        }
    }
}
