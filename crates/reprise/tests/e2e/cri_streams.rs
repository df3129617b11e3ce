//! Exec, attach and port-forward as a CRI client sees them, where timing and misbehaving clients matter.

use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hyper::{Request, Uri, header};
use reprise_cri::CriClient;
use reprise_cri::v1::*;
use reprise_streaming::client::{
    ClientCommand, ClientPortForward, CommandProtocol, PortForwardProtocol, connect_command, connect_port_forward,
};
use reprise_streaming::{CommandStreams, Outcome, Timeouts};
use reprise_testkit::Node;
use reprise_testkit::image::{BUSYBOX_IMAGE, TestImage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::scene::LIMIT;

/// A runtime that serves CRI, with one sandbox.
struct Cri {
    client: CriClient,
    sandbox: String,
    config: PodSandboxConfig,
    runtime: Child,
    node: Node,
}

fn serve(node: &Node) -> Child {
    let mut command = node.command();
    command.args(["cri", "--listen", &format!("unix://{}", socket(node).display())]).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn socket(node: &Node) -> PathBuf {
    node.scratch().join("cri.sock")
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let end = Instant::now() + LIMIT;
    while !look().await {
        assert!(Instant::now() < end, "waited {LIMIT:?} until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Cri {
    async fn start() -> Self {
        let node = Node::new();
        node.import(&TestImage::busybox().unwrap());
        let runtime = serve(&node);
        let client = CriClient::connect(&socket(&node)).unwrap();
        let metadata = PodSandboxMetadata { name: "p".into(), uid: "u".into(), namespace: "n".into(), attempt: 0 };
        let log_directory = node.scratch().join("logs").to_string_lossy().into_owned();
        let config = PodSandboxConfig { metadata: Some(metadata), log_directory, ..Default::default() };
        let mut this = Self { client, sandbox: String::new(), config, runtime, node };
        this.serves().await;
        let request = RunPodSandboxRequest { config: Some(this.config.clone()), ..Default::default() };
        this.sandbox = this.client.runtime().run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
        this
    }

    async fn serves(&self) {
        let version = || async { self.client.runtime().version(VersionRequest::default()).await.is_ok() };
        eventually("the runtime serves", version).await;
    }

    /// Kills the runtime and starts another.
    async fn restart(&mut self) {
        self.runtime.kill().unwrap();
        self.runtime.wait().unwrap();
        self.runtime = serve(&self.node);
        self.serves().await;
    }

    async fn container(&self, name: &str, script: &str, stdin: bool) -> String {
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.into(), attempt: 0 }),
            image: Some(ImageSpec { image: BUSYBOX_IMAGE.into(), ..Default::default() }),
            command: vec!["/bin/sh".into(), "-c".into(), script.into()],
            log_path: format!("{name}.log"),
            stdin,
            ..Default::default()
        };
        let (pod_sandbox_id, sandbox_config) = (self.sandbox.clone(), Some(self.config.clone()));
        let request = CreateContainerRequest { pod_sandbox_id, config: Some(config), sandbox_config };
        self.client.runtime().create_container(request).await.unwrap().into_inner().container_id
    }

    async fn running(&self, name: &str, script: &str, stdin: bool) -> String {
        let id = self.container(name, script, stdin).await;
        let request = StartContainerRequest { container_id: id.clone() };
        self.client.runtime().start_container(request).await.unwrap();
        id
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.node.scratch().join("logs").join(format!("{name}.log"))).unwrap_or_default()
    }

    async fn exec_sync(&self, id: &str, script: &str, timeout: i64) -> Result<ExecSyncResponse, Status> {
        let cmd = vec!["/bin/sh".into(), "-c".into(), script.into()];
        let request = ExecSyncRequest { container_id: id.into(), cmd, timeout };
        self.client.runtime().exec_sync(request).await.map(tonic::Response::into_inner)
    }

    /// How many processes of the container have `text` in their command.
    async fn processes(&self, id: &str, text: &str) -> usize {
        let listed = self.exec_sync(id, "ps", 10).await.unwrap();
        String::from_utf8_lossy(&listed.stdout).lines().filter(|line| line.contains(text)).count()
    }

    async fn attach(&self, id: &str, stdin: bool) -> ClientCommand {
        let request = AttachRequest { container_id: id.into(), stdin, stdout: true, stderr: true, tty: false };
        let url = self.client.runtime().attach(request).await.unwrap().into_inner().url;
        let (stream, request) = streaming(&url).await;
        let streams = CommandStreams::new(stdin, true, true, false).unwrap();
        connect_command(stream, request, CommandProtocol::Spdy, streams, Timeouts::default()).await.unwrap()
    }

    async fn forward(&self) -> ClientPortForward {
        let request = PortForwardRequest { pod_sandbox_id: self.sandbox.clone(), port: Vec::new() };
        let url = self.client.runtime().port_forward(request).await.unwrap().into_inner().url;
        let (stream, request) = streaming(&url).await;
        connect_port_forward(stream, request, PortForwardProtocol::Spdy, Timeouts::default()).await.unwrap()
    }

    /// Removes the sandbox with all that is in it. The node then finds nothing left.
    async fn end(mut self) {
        let pod_sandbox_id = self.sandbox.clone();
        let request = RemovePodSandboxRequest { pod_sandbox_id };
        self.client.runtime().remove_pod_sandbox(request).await.unwrap();
        self.runtime.kill().unwrap();
        self.runtime.wait().unwrap();
    }
}

async fn streaming(url: &str) -> (TcpStream, Request<()>) {
    let url: Uri = url.parse().unwrap();
    let authority = url.authority().unwrap().as_str();
    let request = Request::builder().uri(url.path()).header(header::HOST, authority).body(()).unwrap();
    (TcpStream::connect(authority).await.unwrap(), request)
}

async fn read_exactly(from: &mut (impl AsyncReadExt + Unpin), text: &str) {
    let mut read = vec![0; text.len()];
    from.read_exact(&mut read).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&read), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_time_is_up_ends_with_all_that_it_started() {
    let cri = Cri::start().await;
    let id = cri.running("main", "sleep 1000", false).await;
    let late = cri.exec_sync(&id, "sleep 601 & setsid sleep 602 & sleep 603", 1).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late}");
    assert_eq!(cri.processes(&id, "sleep 60").await, 0);
    // So it does when its client stops waiting.
    let gone = tokio::time::timeout(Duration::from_millis(500), cri.exec_sync(&id, "sleep 604", 0)).await;
    assert!(gone.is_err());
    eventually("it has ended", || async { cri.processes(&id, "sleep 604").await == 0 }).await;
    cri.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_leaves_running_does_not_hold_up_its_answer() {
    let cri = Cri::start().await;
    let id = cri.running("main", "sleep 1000", false).await;
    let answer = cri.exec_sync(&id, "(while :; do echo more; sleep 0.1; done) & echo done; exit 3", 30).await.unwrap();
    assert_eq!(answer.exit_code, 3);
    assert!(String::from_utf8_lossy(&answer.stdout).contains("done\n"));
    let answer = cri.exec_sync(&id, "head -c 20000000 /dev/zero; echo problem >&2", 30).await.unwrap();
    assert!((15_000_000..=16 * 1024 * 1024).contains(&answer.stdout.len()), "{}", answer.stdout.len());
    assert_eq!((answer.stderr.as_slice(), answer.exit_code), (&b"problem\n"[..], 0));
    let missing = ExecSyncRequest { container_id: id.clone(), cmd: vec!["/missing".into()], timeout: 10 };
    let missing = cri.client.runtime().exec_sync(missing).await.unwrap_err();
    assert!(missing.message().contains("no such file or directory"), "{missing}");
    let sessions = cri.node.data_dir().join("runtime/containers").join(&id).join("sessions");
    assert_eq!(std::fs::read_dir(sessions).unwrap().count(), 0, "files of programs are left");
    // A container that ends takes the program with it.
    let ended = cri.exec_sync(&id, "touch /tmp/on; sleep 1000", 30);
    let stop = StopContainerRequest { container_id: id.clone(), timeout: 0 };
    let (answer, stopped) = tokio::join!(ended, async {
        eventually("it runs", || async { cri.exec_sync(&id, "test -e /tmp/on", 10).await.unwrap().exit_code == 0 })
            .await;
        cri.client.runtime().stop_container(stop).await
    });
    stopped.unwrap();
    assert_eq!(answer.unwrap().exit_code, 137);
    cri.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_for_running_containers_and_must_go_together() {
    let cri = Cri::start().await;
    let created = cri.container("created", "true", false).await;
    let exited = cri.running("exited", "true", false).await;
    let status = || async {
        let request = ContainerStatusRequest { container_id: exited.clone(), verbose: false };
        let status = cri.client.runtime().container_status(request).await.unwrap().into_inner().status.unwrap();
        status.state() == ContainerState::ContainerExited
    };
    eventually("it has ended", status).await;
    let log = cri.node.scratch().join("logs/exited.log");
    std::fs::rename(&log, log.with_extension("1")).unwrap();
    for id in [&created, &exited] {
        let container_id = id.clone();
        let request = ExecRequest { container_id, cmd: vec!["ls".into()], stdout: true, ..Default::default() };
        assert_eq!(cri.client.runtime().exec(request).await.unwrap_err().code(), Code::FailedPrecondition);
        let request = AttachRequest { container_id: id.clone(), stdout: true, ..Default::default() };
        assert_eq!(cri.client.runtime().attach(request).await.unwrap_err().code(), Code::FailedPrecondition);
        let request = ReopenContainerLogRequest { container_id: id.clone() };
        assert_eq!(
            cri.client.runtime().reopen_container_log(request).await.unwrap_err().code(),
            Code::FailedPrecondition
        );
    }
    assert!(!log.exists(), "a refused call has made a log");
    let running = cri.running("running", "while :; do echo line; sleep 0.1; done", false).await;
    let exec = |stdout, stderr, tty, cmd: &[&str]| {
        let cmd = cmd.iter().map(|&c| c.to_owned()).collect();
        let request = ExecRequest { container_id: running.clone(), cmd, tty, stdin: false, stdout, stderr };
        let mut client = cri.client.runtime();
        async move { client.exec(request).await.map_err(|e| e.code()).map(|a| a.into_inner().url) }
    };
    assert_eq!(exec(false, false, false, &["ls"]).await, Err(Code::InvalidArgument));
    assert_eq!(exec(true, true, true, &["ls"]).await, Err(Code::InvalidArgument));
    assert_eq!(exec(true, false, false, &[]).await, Err(Code::InvalidArgument));
    assert!(exec(true, true, false, &["ls"]).await.unwrap().starts_with("http://127.0.0.1:"));
    // The log is opened anew where it was moved away.
    let log = cri.node.scratch().join("logs/running.log");
    std::fs::rename(&log, log.with_extension("1")).unwrap();
    let request = ReopenContainerLogRequest { container_id: running.clone() };
    cri.client.runtime().reopen_container_log(request).await.unwrap();
    eventually("it logs on", || async { cri.log("running").contains("stdout F line") }).await;
    cri.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_detached_and_the_container_goes_on() {
    let cri = Cri::start().await;
    // More than all buffers on the way to a client hold.
    let script = "read go; yes $(printf %01000d 7) | head -n 60000; echo all; sleep 1000";
    let id = cri.running("main", script, true).await;
    let mut good = cri.attach(&id, true).await;
    let mut bad = cri.attach(&id, false).await;
    good.stdin.as_mut().unwrap().write_all(b"go\n").await.unwrap();
    let mut stdout = good.stdout.take().unwrap();
    let reading = tokio::spawn(async move {
        let mut all = Vec::with_capacity(64 * 1024 * 1024);
        while !all.ends_with(b"\nall\n") {
            assert!(stdout.read_buf(&mut all).await.unwrap() > 0);
        }
        all.len()
    });
    let read = tokio::time::timeout(LIMIT, reading).await.expect("the container is held up").unwrap();
    eventually("all is logged", || async { cri.log("main").ends_with("F all\n") }).await;
    assert_eq!(cri.log("main").lines().count(), 60_001);
    assert_eq!(read, 60_000 * 1001 + 4, "the client that reads has lost something");
    // Whoever did not read gets what was on its way, and is told why that is all.
    let mut late = Vec::new();
    bad.stdout.take().unwrap().read_to_end(&mut late).await.ok();
    let outcome = bad.outcome().await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(why) if why.contains("detached")), "{outcome:?}");
    assert!(late.len() < read);
    cri.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attach_works_after_the_runtime_was_killed_and_leaves_nothing_open() {
    let mut cri = Cri::start().await;
    let id = cri.running("main", "while read line; do echo got $line; echo err $line >&2; done", true).await;
    let mut first = cri.attach(&id, true).await;
    first.stdin.as_mut().unwrap().write_all(b"one\n").await.unwrap();
    read_exactly(first.stdout.as_mut().unwrap(), "got one\n").await;
    read_exactly(first.stderr.as_mut().unwrap(), "err one\n").await;
    cri.restart().await;
    assert!(first.outcome().await.is_err(), "the runtime that carried it is gone");
    let shim =
        std::fs::read_to_string(cri.node.data_dir().join("runtime/sandboxes").join(&cri.sandbox).join("sandbox.json"));
    let shim: serde_json::Value = serde_json::from_str(&shim.unwrap()).unwrap();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", shim["shim"])).unwrap().count();
    let before = open();
    for _ in 0..20 {
        let mut client = cri.attach(&id, true).await;
        client.stdin.as_mut().unwrap().write_all(b"again\n").await.unwrap();
        read_exactly(client.stdout.as_mut().unwrap(), "got again\n").await;
    }
    eventually("the shim has closed all", || async { open() <= before }).await;
    assert_eq!(cri.log("main").lines().count(), 42);
    cri.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_forwarded_both_ways_with_half_closes_and_refusals() {
    const BYTES: usize = 16 * 1024 * 1024;
    let cri = Cri::start().await;
    // The second one is heard only after all input has ended.
    let script = "nc -ll -p 8080 -e cat & nc -ll -p 8081 -e wc -c & sleep 1000";
    let id = cri.running("main", script, false).await;
    let listening = || async { cri.exec_sync(&id, "netstat -ltn", 10).await.unwrap() };
    eventually("both listen", || async {
        let text = String::from_utf8_lossy(&listening().await.stdout).into_owned();
        text.contains(":8080") && text.contains(":8081")
    })
    .await;
    let forward = cri.forward().await;
    let echo = forward.open(8080).await.unwrap();
    let (mut from, mut to) = tokio::io::split(echo.data);
    let sent: Vec<u8> = (0..BYTES).map(|i| (i.wrapping_mul(31) >> 7) as u8).collect();
    let writing = tokio::spawn({
        let sent = sent.clone();
        async move {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await.unwrap();
        }
    });
    let mut back = Vec::new();
    from.read_to_end(&mut back).await.unwrap();
    writing.await.unwrap();
    assert!(back == sent, "{} of {BYTES} bytes came back", back.len());
    let mut count = forward.open(8081).await.unwrap();
    count.data.write_all(b"12345").await.unwrap();
    count.data.shutdown().await.unwrap();
    let mut text = String::new();
    count.data.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.trim(), "5");
    let other = cri.forward().await;
    let mut refused = other.open(9).await.unwrap();
    let mut why = String::new();
    refused.error.read_to_string(&mut why).await.unwrap();
    assert!(why.contains("port 9") && why.contains("refused"), "{why}");
    cri.end().await;
}
