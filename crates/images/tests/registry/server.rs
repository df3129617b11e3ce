//! Debian's `docker-registry` on a free loopback port, and a small client that pushes to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use reprise_images::Digest;
use tempfile::TempDir;

pub const USER: &str = "tester";
pub const PASSWORD: &str = "secret";
/// `htpasswd -Bbn -C 5 tester secret`
const HTPASSWD: &str = "tester:$2y$05$22bTo8JkeLWg/bnAwE0h6e/NQc5qeEPhzIv0HG0WYgUtFijkgb8.S\n";
const START_LIMIT: Duration = Duration::from_secs(20);

/// How a registry is served.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// By plain HTTP, to everybody.
    Open,
    /// By plain HTTP, to [`USER`] with [`PASSWORD`].
    Protected,
    /// By TLS, with the certificate and key in these files, to clients with a certificate of the CA in the third.
    Tls(PathBuf, PathBuf, Option<PathBuf>),
}

/// A running registry; it ends with the value.
pub struct Registry {
    child: Child,
    dir: TempDir,
    port: u16,
    kind: Kind,
}

impl Registry {
    /// Open for everybody.
    pub fn start() -> Self {
        Self::launch(&Kind::Open)
    }

    /// In another way.
    pub fn start_as(kind: Kind) -> Self {
        Self::launch(&kind)
    }

    fn launch(kind: &Kind) -> Self {
        // Another process may take the port before the registry does.
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut registry = Self { child: spawn(&dir, port, kind), dir, port, kind: kind.clone() };
            if registry.is_up() {
                return registry;
            }
        }
        panic!("docker-registry found no free port");
    }

    /// Serves the same content in another way.
    pub fn continue_as(mut self, kind: Kind) -> Self {
        self.stop();
        (self.child, self.kind) = (spawn(&self.dir, self.port, &kind), kind);
        assert!(self.is_up(), "docker-registry did not start again");
        self
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `host:port` as images name it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The file where the registry keeps a blob.
    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.dir.path().join(format!("data/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
    }

    /// Uploads a blob and gives its digest.
    pub fn push_blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let started = self.request("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
        assert_eq!(started.status, 202, "upload refused: {}", started.body);
        let location = started.header("location").expect("a location for the upload");
        let path = location.strip_prefix(&format!("http://{}", self.host())).unwrap_or(&location).to_owned();
        let separator = if path.contains('?') { '&' } else { '?' };
        let done =
            self.request("PUT", &format!("{path}{separator}digest={digest}"), "application/octet-stream", content);
        assert_eq!(done.status, 201, "blob refused: {}", done.body);
        digest
    }

    /// Uploads a manifest or index and gives its digest.
    pub fn push_manifest(&self, repository: &str, tag: &str, document: &serde_json::Value) -> Digest {
        let text = document.to_string().into_bytes();
        let kind = document["mediaType"].as_str().unwrap().to_owned();
        let digest = Digest::of(&text);
        let tag = if tag.is_empty() { digest.as_str() } else { tag };
        let done = self.request("PUT", &format!("/v2/{repository}/manifests/{tag}"), &kind, &text);
        assert_eq!(done.status, 201, "manifest refused: {}", done.body);
        digest
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Response {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host());
        if self.kind == Kind::Protected {
            let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
            head.push_str(&format!("Authorization: Basic {login}\r\n"));
        }
        head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Response::parse(&answer)
    }

    /// Waits until the registry answers; false if it ended, as when its port is taken.
    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("docker-registry did not start within {START_LIMIT:?}");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(dir: &TempDir, port: u16, kind: &Kind) -> Child {
    let root = dir.path().display();
    let mut config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {root}/data}}\n\
         http:\n  addr: '127.0.0.1:{port}'\n"
    );
    match kind {
        Kind::Open => {}
        Kind::Protected => {
            fs::write(dir.path().join("htpasswd"), HTPASSWD).unwrap();
            config.push_str(&format!("auth:\n  htpasswd: {{realm: test, path: {root}/htpasswd}}\n"));
        }
        Kind::Tls(certificate, key, clients) => {
            config.push_str(&format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                certificate.display(),
                key.display()
            ));
            if let Some(ca) = clients {
                config.push_str(&format!("    clientcas: [{}]\n", ca.display()));
            }
        }
    }
    let path = dir.path().join("config.yml");
    fs::write(&path, config).unwrap();
    Command::new("docker-registry")
        .arg("serve")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot start docker-registry ({error}): install the Debian package docker-registry")
        })
}

struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP response");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status, headers, body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
}
