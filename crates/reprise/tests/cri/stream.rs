//! The client's side of exec, attach and port-forward.

use hyper::Request;
use reprise_cri::v1::{AttachRequest, ExecRequest, PortForwardRequest};
use reprise_streaming::client::{
    ClientCommand, ClientError, ClientPortForward, CommandProtocol, PortForwardProtocol, connect_command,
    connect_port_forward,
};
use reprise_streaming::{CommandStreams, Outcome, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::requests::strings;
use crate::scene::{Scene, soon};

/// Both protocols of a command, SPDY alone where the runtime is too old for the other.
pub fn protocols(scene: &Scene) -> Vec<CommandProtocol> {
    if scene.differs("streaming::websocket") {
        vec![CommandProtocol::Spdy]
    } else {
        vec![CommandProtocol::WebSocket, CommandProtocol::Spdy]
    }
}

/// The connection and the request for a URL of the runtime, which must be on loopback.
async fn dial(url: &str) -> (TcpStream, Request<()>) {
    let uri: hyper::Uri = url.parse().unwrap();
    let authority = uri.authority().unwrap().as_str().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let stream = TcpStream::connect(&authority).await.unwrap();
    (stream, Request::get(uri.path()).header("host", authority).body(()).unwrap())
}

/// Which streams a client wants, by letters: in, out, err, tty.
pub fn streams(letters: &str) -> CommandStreams {
    let has = |letter| letters.contains(letter);
    CommandStreams::new(has('i'), has('o'), has('e'), has('t')).unwrap()
}

pub fn exec_request(id: &str, command: &[&str], letters: &str) -> ExecRequest {
    let has = |letter| letters.contains(letter);
    ExecRequest {
        container_id: id.to_owned(),
        cmd: strings(command),
        tty: has('t'),
        stdin: has('i'),
        stdout: has('o'),
        stderr: has('e'),
    }
}

pub fn attach_request(id: &str, letters: &str) -> AttachRequest {
    let has = |letter| letters.contains(letter);
    let container_id = id.to_owned();
    AttachRequest { container_id, stdin: has('i'), tty: has('t'), stdout: has('o'), stderr: has('e') }
}

pub async fn try_connect(url: &str, protocol: CommandProtocol, letters: &str) -> Result<ClientCommand, ClientError> {
    let (transport, request) = dial(url).await;
    soon(connect_command(transport, request, protocol, streams(letters), Timeouts::default())).await
}

pub async fn connect(url: &str, protocol: CommandProtocol, letters: &str) -> ClientCommand {
    try_connect(url, protocol, letters).await.unwrap()
}

pub async fn exec(
    scene: &Scene,
    protocol: CommandProtocol,
    id: &str,
    command: &[&str],
    letters: &str,
) -> ClientCommand {
    let answer = scene.runtime().exec(exec_request(id, command, letters)).await.unwrap();
    connect(&answer.into_inner().url, protocol, letters).await
}

pub async fn attach(scene: &Scene, protocol: CommandProtocol, id: &str, letters: &str) -> ClientCommand {
    let answer = scene.runtime().attach(attach_request(id, letters)).await.unwrap();
    connect(&answer.into_inner().url, protocol, letters).await
}

pub async fn forward(scene: &Scene, protocol: PortForwardProtocol, pod: &str, ports: &[i32]) -> ClientPortForward {
    let request = PortForwardRequest { pod_sandbox_id: pod.to_owned(), port: ports.to_vec() };
    let answer = scene.runtime().port_forward(request).await.unwrap();
    let (transport, request) = dial(&answer.into_inner().url).await;
    soon(connect_port_forward(transport, request, protocol, Timeouts::default())).await.unwrap()
}

/// How a conversation went.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub stdout: String,
    pub stderr: String,
    pub outcome: Outcome,
}

/// Sends the input with its end, and takes all that comes.
pub async fn converse(mut client: ClientCommand, input: &str) -> Ended {
    let (stdin, stdout, stderr) = (client.stdin.take(), client.stdout.take(), client.stderr.take());
    let send = async {
        if let Some(mut stdin) = stdin {
            stdin.write_all(input.as_bytes()).await.unwrap();
            stdin.shutdown().await.unwrap();
        }
    };
    let take = async |stream: Option<reprise_streaming::StreamReader>| {
        let mut text = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut text).await.unwrap();
        }
        String::from_utf8(text).unwrap()
    };
    let all = async { tokio::join!(send, take(stdout), take(stderr), client.outcome()) };
    let ((), stdout, stderr, outcome) = soon(all).await;
    Ended { stdout, stderr, outcome: outcome.unwrap() }
}

/// Reads until the text is there; what was read.
pub async fn read_until(stream: &mut reprise_streaming::StreamReader, text: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&all).contains(text) {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "ended before {text:?}: {}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&buffer[..length]);
        }
    };
    soon(reading).await;
    String::from_utf8_lossy(&all).into_owned()
}
