//! The kubelet's HTTP API of a real run, asked as its clients ask it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::header::{AUTHORIZATION, HOST};
use reprise_cri::v1::{ListContainersRequest, ReopenContainerLogRequest};
use reprise_cri::{Call, CriClient};
use reprise_streaming::client::{CommandProtocol, PortForwardProtocol, connect_command, connect_port_forward};
use reprise_streaming::{CommandStreams, Outcome, Timeouts};
use reprise_testkit::manifest::Pod;
use reprise_testkit::{Node, Runtime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::scene::{LIMIT, Scene, container, ctl, eventually, fails_once, pod};

on_each_runtime!(
    programs_are_run_and_ports_reached_through_the_api,
    a_program_is_attached_to_through_the_api_again_and_again,
    usage_is_measured,
);

/// A run whose API is served, and what a client must know of it.
struct Api {
    scene: Scene,
    address: String,
    folder: PathBuf,
}

impl Api {
    fn start(node: Node, pod: Pod) -> Self {
        let mut scene = Scene::start_with(node, pod.build(), &["--kubelet-address", "127.0.0.1:0"]);
        scene.run.wait_for_stderr("token in", LIMIT);
        let said = scene.run.stderr_so_far();
        let address = said.split("https://").nth(1).unwrap().split(',').next().unwrap().to_owned();
        scene.wait_ready(0);
        let folder = scene.node.data_dir().join("kubelet");
        Self { scene, address, folder }
    }

    /// The header that lets a client in.
    fn credentials(&self) -> String {
        format!("Bearer {}", std::fs::read_to_string(self.folder.join("token")).unwrap())
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.join("kubelet.crt")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(&self.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
    }

    /// Sends a request in HTTP/1.0, in which the end of the connection is the end of the body.
    async fn send(&self, method: &str, path: &str, credentials: &str) -> TlsStream<TcpStream> {
        let mut stream = self.connect().await;
        let request = format!("{method} {path} HTTP/1.0\r\nAuthorization: {credentials}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, method: &str, path: &str, credentials: &str) -> (u16, String) {
        let mut answer = String::new();
        self.send(method, path, credentials).await.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn get(&self, path: &str) -> String {
        let (status, body) = self.ask("GET", path, &self.credentials()).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn streaming(&self, path: &str) -> Request<()> {
        let credentials = self.credentials();
        Request::get(path).header(HOST, "localhost").header(AUTHORIZATION, credentials).body(()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_token_sees_what_a_stranger_does_not() {
    let node = Node::with_testload();
    let pod = pod(&node, "worker").container(container("main", &["forever"]));
    let api = Api::start(node, pod);
    assert_eq!(api.ask("GET", "/healthz", "none").await, (200, "ok".to_owned()));
    for path in ["/pods", "/metrics", "/containerLogs/default/worker/main", "/exec/default/worker/main?command=id"] {
        assert_eq!(api.ask("GET", path, "Bearer wrong").await.0, 401, "{path}");
    }
    let pods: Value = serde_json::from_str(&api.get("/pods").await).unwrap();
    assert_eq!(pods["items"][0]["status"]["phase"], "Running");
    let ran = api.ask("POST", "/run/default/worker/main?cmd=/testload%20print%20hello", &api.credentials()).await;
    assert_eq!(ran, (200, "hello\n".to_owned()));
}

/// How many of the protocols that a test tries, the first ones, a runtime does not speak: streams are joined with the
/// runtime's, and containerd 1.6 has no WebSocket of today's versions. Clients then take SPDY.
fn unspoken(runtime: Runtime) -> usize {
    usize::from(runtime != Runtime::Embedded)
}

#[tokio::main]
async fn programs_are_run_and_ports_reached_through_the_api(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let pod = pod(&node, "worker").container(container("main", &["answer", "tcp", "7000", "served", "forever"]));
    let api = Api::start(node, pod);
    let uid = api.scene.pod()["uid"].as_str().unwrap().to_owned();
    let command = "command=/testload&command=print&command=a+b&command=eprint&command=err&command=exit&command=9";
    let ways = [
        (CommandProtocol::WebSocket, "default/worker/main".to_owned()),
        (CommandProtocol::Spdy, format!("default/worker/{uid}/main")),
    ];
    for (protocol, place) in ways.into_iter().skip(unspoken(runtime)) {
        let request = api.streaming(&format!("/exec/{place}?{command}&output=1&error=1"));
        let streams = CommandStreams::new(false, true, true, false).unwrap();
        let connected = connect_command(api.connect().await, request, protocol, streams, Timeouts::default()).await;
        let mut running = connected.unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        running.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
        running.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
        assert_eq!((out.as_str(), err.as_str()), ("a b\n", "err\n"), "{protocol:?}");
        assert_eq!(running.outcome().await.unwrap(), Outcome::Exited(9));
    }
    for protocol in [PortForwardProtocol::Tunnel, PortForwardProtocol::Spdy].into_iter().skip(unspoken(runtime)) {
        let request = api.streaming("/portForward/default/worker");
        let forward = connect_port_forward(api.connect().await, request, protocol, Timeouts::default()).await.unwrap();
        let mut connection = forward.open(7000).await.unwrap();
        let mut answer = String::new();
        connection.data.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("served to "), "{protocol:?}: {answer}");
    }
}

#[tokio::main]
async fn a_program_is_attached_to_through_the_api_again_and_again(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let main = container("main", &["read-lines", "forever"]).field("stdin", json!(true));
    let pod = pod(&node, "worker").container(main);
    let api = Api::start(node, pod);
    let ways =
        [(CommandProtocol::WebSocket, "one\n"), (CommandProtocol::Spdy, "two\n"), (CommandProtocol::Spdy, "3\n")];
    for (protocol, line) in ways.into_iter().skip(unspoken(runtime)) {
        let request = api.streaming("/attach/default/worker/main?input=1&output=1");
        let streams = CommandStreams::new(true, true, false, false).unwrap();
        let connected = connect_command(api.connect().await, request, protocol, streams, Timeouts::default()).await;
        let mut attached = connected.unwrap();
        // containerd lets a client go when its input ends.
        let mut stdin = attached.stdin.take().unwrap();
        stdin.write_all(line.as_bytes()).await.unwrap();
        let mut out = BufReader::new(attached.stdout.take().unwrap()).lines();
        let printed = out.next_line().await.unwrap().unwrap();
        assert!(printed.ends_with(line.trim_end()), "{protocol:?}: {printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_over_its_rotation_to_the_end_of_the_run() {
    let node = Node::with_testload();
    let steps = ["print", "one", "wait-file", "/ctl/more", "print", "two", "wait-file", "/ctl/end"];
    let pod = pod(&node, "worker").container(container("main", &steps));
    let shared = ctl(&node);
    let api = Api::start(node, pod);
    let path = "/containerLogs/default/worker/main?follow=true&tailLines=1";
    let mut lines = BufReader::new(api.send("GET", path, &api.credentials()).await).lines();
    while lines.next_line().await.unwrap().unwrap() != "one" {}
    rotate(&api).await;
    std::fs::write(shared.join("more"), "").unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
    std::fs::write(shared.join("end"), "").unwrap();
    assert_eq!(lines.next_line().await.unwrap(), None, "the run has ended");
}

/// Renames the log and has the runtime begin another one, as the kubelet does.
async fn rotate(api: &Api) {
    let data_dir = api.scene.node.data_dir();
    let found = eventually("the log is there", || {
        let pods = std::fs::read_dir(data_dir.join("logs/pods")).ok()?;
        pods.flatten().map(|pod| pod.path().join("main/0.log")).find(|log| log.exists())
    });
    std::fs::rename(&found, found.with_extension("log.1")).unwrap();
    let client = CriClient::connect(&data_dir.join("runtime/cri.sock")).unwrap();
    let all = client.runtime().list_containers(ListContainersRequest::default()).await.unwrap().into_inner();
    let id = all.containers[0].id.clone();
    let request = ReopenContainerLogRequest { container_id: id.clone() };
    client.call(Call::new("ReopenContainerLog", id), client.runtime().reopen_container_log(request)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_in_place_restart_is_in_the_metrics() {
    let node = Node::with_testload();
    let trigger = fails_once("main", "fail", "88").policy("Never").restart_all_on(&[88]);
    let pod = pod(&node, "worker").container(trigger);
    let mut api = Api::start(node, pod);
    api.scene.signal("fail");
    api.scene.wait_restarted(1);
    let text = api.get("/metrics").await;
    for line in [
        "reprise_inplace_restarts_total{trigger=\"container_exit\"} 1",
        "reprise_inplace_restart_duration_seconds_count{phase=\"ready\"} 1",
        "reprise_inplace_restart_duration_seconds_bucket{phase=\"killed\",le=\"+Inf\"} 1",
        "kubelet_started_containers_total{container_type=\"container\"} 2",
        "kubelet_running_containers{container_state=\"running\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
    }
}

#[tokio::main]
async fn usage_is_measured(runtime: Runtime) {
    let node = Node::with_testload_on(runtime);
    let pod = pod(&node, "worker").container(container("main", &["forever"]));
    let api = Api::start(node, pod);
    let end = Instant::now() + LIMIT;
    // containerd measures disks every ten seconds.
    let summary = loop {
        let summary: Value = serde_json::from_str(&api.get("/stats/summary").await).unwrap();
        let inodes = &summary["pods"][0]["containers"][0]["rootfs"]["inodesUsed"];
        if inodes.as_u64().is_some_and(|inodes| inodes > 0) || Instant::now() > end {
            break summary;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let pod = &summary["pods"][0];
    assert_eq!(pod["podRef"]["uid"], api.scene.pod()["uid"]);
    let main = &pod["containers"][0];
    for used in
        [&main["memory"]["workingSetBytes"], &main["cpu"]["usageCoreNanoSeconds"], &main["rootfs"]["inodesUsed"]]
    {
        assert!(used.as_u64().is_some_and(|used| used > 0), "{summary:#}");
    }
    assert!(main["logs"]["usedBytes"].as_u64().is_some_and(|used| used > 0), "it has counted itself: {summary:#}");
    let disk = &summary["node"]["fs"];
    assert!(disk["capacityBytes"].as_u64() > disk["availableBytes"].as_u64(), "{summary:#}");
    assert!(pod["network"]["name"].is_string() && pod["cpu"]["usageCoreNanoSeconds"].is_u64(), "{summary:#}");
    let text = api.get("/metrics/resource").await;
    for name in ["container_memory_working_set_bytes{container=\"main\",", "pod_cpu_usage_seconds_total{"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "no {name} in\n{text}");
    }
    assert!(text.contains("resource_scrape_error 0\n"), "{text}");
    if runtime != Runtime::Embedded {
        // containerd 1.6 has no metrics of its own.
        assert!(api.get("/metrics/cadvisor").await.contains("container_scrape_error 1\n"));
        return;
    }
    let text = api.get("/metrics/cadvisor").await;
    let is_mains = |line: &str| {
        let of_main = "container=\"main\",namespace=\"default\",pod=\"worker\"}";
        line.starts_with("container_memory_working_set_bytes{id=") && line.contains(of_main)
    };
    assert!(text.lines().any(is_mains) && text.contains("container_scrape_error 0\n"), "{text}");
}
