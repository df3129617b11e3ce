//! The kubelet's HTTP API.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reprise_node::{HttpConfig, NodePaths};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::devices::gpu_pod;
use crate::fake_plugin::FakePlugin;
use crate::harness::{Agent, key, watched_pod};

async fn start() -> Agent {
    let address = "127.0.0.1:0".parse().unwrap();
    let mut agent = Agent::start_with(|config, _| config.http = Some(HttpConfig::new(address))).await;
    agent.node.apply(watched_pod()).await.unwrap();
    agent.ready().await;
    agent
}

/// A client certificate and its key, in DER.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn token(agent: &Agent) -> String {
    std::fs::read_to_string(NodePaths::new(&agent.config.data_dir).http_token()).unwrap()
}

/// Status, and body, of one request with this header line.
async fn ask(agent: &Agent, method: &str, path: &str, header: &str) -> (u16, String) {
    ask_as(agent, method, path, header, None).await.unwrap()
}

async fn ask_as(
    agent: &Agent,
    method: &str,
    path: &str,
    header: &str,
    identity: Option<Identity>,
) -> std::io::Result<(u16, String)> {
    let certificate = NodePaths::new(&agent.config.data_dir).http_folder().join("kubelet.crt");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match identity {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let stream = TcpStream::connect(agent.node.http_address().unwrap()).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await?;
    // In HTTP/1.0 the end of the connection is the end of the body.
    stream.write_all(format!("{method} {path} HTTP/1.0\r\n{header}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

async fn get(agent: &Agent, path: &str) -> (u16, String) {
    ask(agent, "GET", path, &format!("Authorization: Bearer {}", token(agent))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_health_is_open_to_strangers() {
    let agent = start().await;
    assert_eq!(ask(&agent, "GET", "/healthz", "X: y").await, (200, "ok".to_owned()));
    for (method, path) in [
        ("GET", "/pods"),
        ("GET", "/metrics"),
        ("GET", "/configz"),
        ("GET", "/nothing"),
        ("GET", "/containerLogs/default/p/main"),
        ("POST", "/run/default/p/main?cmd=id"),
        ("POST", "/exec/default/p/main?command=id&output=1"),
    ] {
        for header in
            ["X: y", "Authorization: Bearer 0123456789012345678901234567890123456789", "Authorization: Basic eDp5"]
        {
            let (status, body) = ask(&agent, method, path, header).await;
            assert!(status == 401 && body.starts_with("Unauthorized: "), "{path} {header}: {status} {body}");
        }
    }
    assert_eq!(agent.runtime.count("Exec main e0"), 0);
    assert_eq!(get(&agent, "/nothing").await.0, 404);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_of_the_authority_is_as_good_as_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    let ours = Authority::new();
    std::fs::write(&file, &ours.pem).unwrap();
    let agent = Agent::start_with(|config, _| {
        let http = HttpConfig::new("127.0.0.1:0".parse().unwrap());
        config.http = Some(HttpConfig { client_ca_file: Some(file), ..http });
    })
    .await;
    let known = ask_as(&agent, "GET", "/pods", "X: y", Some(ours.client())).await.unwrap();
    assert_eq!(known.0, 200);
    assert!(ask_as(&agent, "GET", "/pods", "X: y", Some(Authority::new().client())).await.is_err());
    assert_eq!(ask(&agent, "GET", "/pods", "X: y").await.0, 401);
    assert_eq!(get(&agent, "/pods").await.0, 200);
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_listed_with_their_statuses() {
    let agent = start().await;
    let list: Value = serde_json::from_str(&get(&agent, "/pods").await.1).unwrap();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&"PodList".into(), &"v1".into()));
    let pod = &list["items"][0];
    assert_eq!((&pod["metadata"]["name"], &pod["status"]["phase"]), (&"p".into(), &"Running".into()));
    let running: Value = serde_json::from_str(&get(&agent, "/runningpods/").await.1).unwrap();
    let names: Vec<&Value> =
        running["items"][0]["spec"]["containers"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["main", "watcher"], "setup has ended");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_cut_as_asked_and_followed_to_the_end_of_the_run() {
    let agent = start().await;
    let view = agent.node.pod(&key()).unwrap();
    let log = NodePaths::new(&agent.config.data_dir).pod(&view.pod).log("main", 0);
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    let line = |n: u32| format!("2026-01-01T00:00:0{n}Z stdout F line {n}\n");
    std::fs::write(&log, line(1) + &line(2)).unwrap();
    let path = "/containerLogs/default/p/main";
    assert_eq!(get(&agent, path).await, (200, "line 1\nline 2\n".to_owned()));
    let times = get(&agent, &format!("{path}?timestamps=true&tailLines=1")).await.1;
    assert_eq!(times, "2026-01-01T00:00:02Z line 2\n");
    assert_eq!(get(&agent, &format!("{path}?sinceTime=2026-01-01T00:00:02Z&limitBytes=4")).await.1, "line");
    assert_eq!(get(&agent, &format!("{path}?tailLines=-1")).await.0, 422);
    assert_eq!(get(&agent, &format!("{path}?previous=true")).await.0, 400);
    assert_eq!(get(&agent, "/containerLogs/default/p/nobody").await.0, 404);
    assert_eq!(get(&agent, "/containerLogs/default/q/main").await.0, 404);

    let path = format!("{path}?follow=true");
    let following = get(&agent, &path);
    let writing = async {
        std::fs::rename(&log, log.with_extension("log.old")).unwrap();
        std::fs::write(&log, line(3)).unwrap();
        let id = view.ledger.containers["main"].run.as_ref().unwrap().id.clone();
        agent.runtime.end(&id, 0);
    };
    let ((status, text), ()) = futures::future::join(following, writing).await;
    assert!(status == 200 && text.ends_with("line 3\n"), "{status} {text}");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_calls_are_in_the_metrics() {
    let mut agent = start().await;
    agent.node.annotate(&key(), "reprise.dev/restart-at", &jiff::Timestamp::now().to_string()).await.unwrap();
    agent.happens("RestartStepped").await;
    agent.ready().await;
    let (_, text) = get(&agent, "/metrics").await;
    for line in [
        "reprise_inplace_restarts_total{trigger=\"requested\"} 1",
        "reprise_inplace_restart_duration_seconds_count{phase=\"ready\"} 1",
        "kubelet_started_pods_total 1",
        "kubelet_started_containers_total{container_type=\"container\"} 2",
        "kubelet_started_containers_total{container_type=\"init_container\"} 4",
        "kubelet_running_pods 1",
        "kubelet_running_containers{container_state=\"running\"} 2",
        "kubelet_runtime_operations_total{operation_type=\"run_podsandbox\"} 1",
        "kubelet_pod_start_duration_seconds_count 1",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
    }
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_plugins_are_in_the_metrics() {
    let mut agent = Agent::start_with(|config, _| {
        config.http = Some(HttpConfig::new("127.0.0.1:0".parse().unwrap()));
    })
    .await;
    let options = reprise_device_plugin::v1beta1::DevicePluginOptions::default();
    let _plugin = FakePlugin::start(agent.folder.path(), options, &[("0", true)]);
    agent.node.apply(gpu_pod("p", 1)).await.unwrap();
    agent.ready().await;
    let (_, text) = get(&agent, "/metrics").await;
    for line in [
        "kubelet_device_plugin_registration_total{resource_name=\"example.com/gpu\"} 1",
        "kubelet_device_plugin_alloc_duration_seconds_count{resource_name=\"example.com/gpu\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
    }
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_of_what_runs() {
    let agent = start().await;
    let summary: Value = serde_json::from_str(&get(&agent, "/stats/summary").await.1).unwrap();
    assert!(summary["node"]["memory"]["workingSetBytes"].as_u64().unwrap() > 0, "{summary:#}");
    let pod = &summary["pods"][0];
    assert_eq!((&pod["podRef"]["name"], &pod["podRef"]["namespace"]), (&"p".into(), &"default".into()));
    let main = &pod["containers"][0];
    assert_eq!(main["name"], "main");
    let used = (&main["cpu"]["usageCoreNanoSeconds"], &main["memory"]["workingSetBytes"], &main["cpu"]["time"]);
    assert_eq!(used, (&1_500_000_000.into(), &4096.into(), &"1970-01-01T00:00:05Z".into()));
    let (_, text) = get(&agent, "/metrics/resource").await;
    for line in [
        "container_cpu_usage_seconds_total{container=\"main\",namespace=\"default\",pod=\"p\"} 1.5",
        "container_memory_working_set_bytes{container=\"watcher\",namespace=\"default\",pod=\"p\"} 4096",
        "resource_scrape_error 0",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("container=\"setup\""), "it has ended: {text}");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_and_streams_need_a_running_container() {
    let agent = start().await;
    let config: Value = serde_json::from_str(&get(&agent, "/configz").await.1).unwrap();
    let config = &config["kubeletconfig"];
    assert_eq!(config["authentication"]["anonymous"]["enabled"], false);
    assert_eq!(config["port"], agent.node.http_address().unwrap().port());
    assert_eq!(get(&agent, "/exec/default/p/setup?command=id&output=1").await.0, 404);
    assert_eq!(get(&agent, "/exec/default/p/other-uid/main?command=id&output=1").await.0, 404);
    assert_eq!(get(&agent, "/exec/default/p/main?command=id").await.0, 400);
    assert_eq!(get(&agent, "/exec/default/p/main?output=1").await.0, 400);
    agent.end().await;
}

/// Who signs certificates of clients.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn client(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}
