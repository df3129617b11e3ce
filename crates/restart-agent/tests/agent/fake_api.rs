//! As much of a Kubernetes API as the agent uses: one JobSet that is listed and watched, one Pod that is applied.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

/// What the test and the connections share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    job_set: Option<Value>,
    version: u64,
    /// All versions of the JobSet with their event's kind.
    history: Vec<(u64, &'static str, Value)>,
    /// Watches from before this version are answered with 410.
    oldest: u64,
    /// The attempts that were applied.
    attempts: Vec<String>,
    requests: Vec<Asked>,
    connections: Vec<TcpStream>,
    refused_token: Option<String>,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

pub struct FakeApi {
    pub address: SocketAddr,
    pub authority_pem: String,
    tls: Arc<ServerConfig>,
    shared: Arc<Shared>,
    accepting: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl FakeApi {
    /// Serves a JobSet that restarts in place, with this status.
    pub fn start(status: Value) -> Self {
        let (tls, authority_pem) = identity();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut api = Self { address, authority_pem, tls, shared: Arc::default(), accepting: None };
        api.change(|job_set| {
            *job_set = json!({"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet",
                "metadata": {"name": "training", "namespace": "team", "annotations": {}},
                "spec": {"failurePolicy": {"restartStrategy": "InPlaceRestart", "maxRestarts": 3}, "replicatedJobs": []},
                "status": status});
        });
        api.accept(listener);
        api
    }

    pub fn change(&self, how: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        state.version += 10;
        let version = state.version;
        let kind = if state.job_set.is_some() { "MODIFIED" } else { "ADDED" };
        let mut job_set = state.job_set.take().unwrap_or_default();
        how(&mut job_set);
        job_set["metadata"]["resourceVersion"] = json!(version.to_string());
        state.history.push((version, kind, job_set.clone()));
        state.job_set = Some(job_set);
        self.shared.changed.notify_all();
    }

    pub fn set_status(&self, status: Value) {
        self.change(|job_set| job_set["status"] = status);
    }

    /// Other objects change: versions from before are forgotten.
    pub fn forget_versions(&self) {
        let mut state = self.state();
        state.version += 10;
        state.oldest = state.version;
        self.shared.changed.notify_all();
    }

    /// The JobSet is gone, as if it had never been.
    pub fn remove_job_set(&self) {
        self.state().job_set = None;
    }

    pub fn refuse(&self, token: Option<&str>) {
        self.state().refused_token = token.map(str::to_owned);
    }

    /// Stops listening and cuts all connections.
    pub fn go_away(&mut self) {
        let Some((closing, task)) = self.accepting.take() else { return };
        closing.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        task.join().unwrap();
        self.cut();
    }

    pub fn cut(&self) {
        let mut state = self.state();
        state.connections.drain(..).for_each(|connection| drop(connection.shutdown(Shutdown::Both)));
        self.shared.changed.notify_all();
    }

    pub fn come_back(&mut self) {
        let bound = eventually("the port is free again", || TcpListener::bind(self.address).ok());
        self.accept(bound);
    }

    /// Waits until something was applied so often; all that was.
    pub fn attempts(&self, count: usize) -> Vec<String> {
        self.wait("attempts", |state| (state.attempts.len() >= count).then(|| state.attempts.clone()))
    }

    /// Waits for this many watches; the last of them.
    pub fn watches(&self, count: usize) -> Asked {
        self.asked(count, |asked| asked.path.contains("watch=true"))
    }

    /// Waits for this many such requests; the last of them.
    pub fn asked(&self, count: usize, which: impl Fn(&Asked) -> bool) -> Asked {
        self.wait("requests", |state| {
            let found: Vec<&Asked> = state.requests.iter().filter(|asked| which(asked)).collect();
            found.get(count - 1).map(|_| found[found.len() - 1].clone())
        })
    }

    fn wait<T>(&self, what: &str, seen: impl Fn(&State) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        let mut state = self.state();
        loop {
            if let Some(found) = seen(&state) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no such {what}: {:#?}", state.requests);
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    fn accept(&mut self, listener: TcpListener) {
        let closing = Arc::new(AtomicBool::new(false));
        let (tls, shared, closes) = (Arc::clone(&self.tls), Arc::clone(&self.shared), Arc::clone(&closing));
        let task = thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if closes.load(Ordering::SeqCst) {
                    return;
                }
                shared.state.lock().unwrap().connections.push(socket.try_clone().unwrap());
                let (tls, shared) = (Arc::clone(&tls), Arc::clone(&shared));
                thread::spawn(move || serve(&shared, tls, socket));
            }
        });
        self.accepting = Some((closing, task));
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.go_away();
    }
}

type Stream = BufReader<StreamOwned<ServerConnection, TcpStream>>;

fn serve(shared: &Shared, tls: Arc<ServerConfig>, socket: TcpStream) {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(tls).unwrap(), socket));
    while let Some(asked) = read(&mut stream) {
        let mut state = shared.state.lock().unwrap();
        state.requests.push(asked.clone());
        shared.changed.notify_all();
        let refused = state.refused_token.as_ref().map(|token| format!("Bearer {token}"));
        if refused.is_some() && asked.headers.get("authorization") == refused.as_ref() {
            drop(state);
            answer(&mut stream, 401, &json!({"kind": "Status", "code": 401, "message": "Unauthorized"}));
        } else if asked.path.contains("watch=true") {
            drop(state);
            if watch(shared, &mut stream, &asked).is_none() {
                return;
            }
        } else if asked.method == "PATCH" {
            let applied: Value = serde_json::from_str(&asked.body).unwrap();
            let attempt = &applied["metadata"]["annotations"]["jobset.sigs.k8s.io/in-place-restart-attempt"];
            state.attempts.push(attempt.as_str().unwrap().to_owned());
            shared.changed.notify_all();
            drop(state);
            answer(&mut stream, 200, &applied);
        } else {
            let items: Vec<Value> = state.job_set.iter().cloned().collect();
            let list = json!({"kind": "JobSetList", "metadata": {"resourceVersion": state.version.to_string()}, "items": items});
            drop(state);
            answer(&mut stream, 200, &list);
        }
    }
}

fn read(stream: &mut Stream) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body: String::from_utf8(body).unwrap() })
}

fn answer(stream: &mut Stream, code: u16, body: &Value) {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {code} So\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.get_mut().write_all(format!("{head}{body}").as_bytes()).ok();
}

/// All versions after the one that is asked for, until the connection is cut. None when it is.
fn watch(shared: &Shared, stream: &mut Stream, asked: &Asked) -> Option<()> {
    let from = asked.path.split("resourceVersion=").nth(1).unwrap().parse::<u64>().unwrap();
    let mut told = from;
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.get_mut().write_all(begin.as_bytes()).ok()?;
    loop {
        let mut state = shared.state.lock().unwrap();
        let next = loop {
            if told < state.oldest {
                let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
                break json!({"type": "ERROR", "object": status});
            }
            if let Some((version, kind, job_set)) = state.history.iter().find(|(version, ..)| *version > told) {
                told = *version;
                break json!({"type": kind, "object": job_set});
            }
            if state.connections.is_empty() {
                return None;
            }
            state = shared.changed.wait(state).unwrap();
        };
        drop(state);
        let line = format!("{next}\n");
        // In two chunks: what is read is not what was written.
        let (one, two) = line.split_at(line.len() / 2);
        for part in [one, two] {
            stream.get_mut().write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).ok()?;
        }
        if next["type"] == "ERROR" {
            stream.get_mut().write_all(b"0\r\n\r\n").ok()?;
            return Some(());
        }
    }
}

/// A certificate for loopback that is its own authority's, and that authority.
fn identity() -> (Arc<ServerConfig>, String) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let chain = vec![CertificateDer::from(certificate)];
    (Arc::new(versions.with_no_client_auth().with_single_cert(chain, private).unwrap()), authority.pem())
}

/// What is looked for again and again comes, within a limit.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: it did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}
