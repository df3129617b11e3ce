//! One connection to the API: TLS, and HTTP/1.1 as far as an API server speaks it with us.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::body::{Body, Framing};
use crate::credentials::Credentials;
use crate::error::ApiError;

/// A server that takes longer is away.
const LIMIT: Duration = Duration::from_secs(15);
/// A watch is silent for minutes. A peer that went away without a word is noticed after a minute by these.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_PROBES: u32 = 3;
/// Longer heads are none of a Kubernetes API.
const HEAD_MAX: u64 = 16 << 10;
const HEADERS_MAX: usize = 64;
/// What is read at once: events about a JobSet are short, and memory is dear.
const BUFFER: usize = 4 << 10;

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// What is asked.
#[derive(Debug)]
pub struct Request<'a> {
    /// GET or PATCH.
    pub method: &'static str,
    /// With its query.
    pub path: &'a str,
    /// The type of the body, and the body.
    pub body: Option<(&'static str, &'a [u8])>,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    server: String,
    stream: Stream,
    /// The server takes no further request on it.
    closes: bool,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The HTTP status.
    pub code: u16,
    framing: Framing,
    closes: bool,
}

impl Connection {
    /// Connects. What is connected to is settled by the first answer.
    ///
    /// # Errors
    /// If nobody is there, or the credentials can't be used.
    pub fn open((host, port): &(String, u16), credentials: &Credentials) -> Result<Self, ApiError> {
        let server = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let failed = |source| ApiError::Connection { operation: "can't connect to", server: server.clone(), source };
        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let tls = ClientConnection::new(credentials.tls()?, name);
        let tls = tls.map_err(|error| failed(io::Error::other(error)))?;
        let socket = connect(host, *port).map_err(failed)?;
        let stream = BufReader::with_capacity(BUFFER, StreamOwned::new(tls, socket));
        Ok(Self { server, stream, closes: false })
    }

    /// Asks, and reads how the answer begins. The answer comes within `limit` as a whole, or part by part within it.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is none.
    pub fn send(&mut self, request: &Request<'_>, token: &str, limit: Duration) -> Result<Head, ApiError> {
        let head = self.write(request, token, limit).and_then(|()| self.read_head());
        let head = head.map_err(|source| self.broken(source))?;
        self.closes |= head.closes;
        Ok(head)
    }

    fn write(&mut self, request: &Request<'_>, token: &str, limit: Duration) -> io::Result<()> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: reprise-restart-agent/{}\r\nAccept: application/json\r\n\
             Authorization: Bearer {token}\r\n",
            request.method,
            request.path,
            self.server,
            env!("CARGO_PKG_VERSION"),
        );
        if let Some((content_type, body)) = request.body {
            text += &format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        let stream = self.stream.get_mut();
        stream.sock.set_read_timeout(Some(limit))?;
        stream.write_all(text.as_bytes())?;
        if let Some((_, body)) = request.body {
            stream.write_all(body)?;
        }
        stream.flush()
    }

    fn read_head(&mut self) -> io::Result<Head> {
        let mut text = Vec::new();
        let mut limited = Read::take(&mut self.stream, HEAD_MAX);
        while !text.ends_with(b"\r\n\r\n") {
            if limited.read_until(b'\n', &mut text)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(head_of(&parsed))
    }

    /// The body of the answer that has begun with `head`.
    pub fn body(&mut self, head: Head) -> Body<'_, Stream> {
        Body::new(&mut self.stream, head.framing)
    }

    /// All of the body, if it is not longer than `most`.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn whole_body(&mut self, head: Head, most: u64) -> Result<Vec<u8>, ApiError> {
        let mut bytes = Vec::new();
        let mut body = self.body(head);
        let read = Read::take(&mut body, most).read_to_end(&mut bytes);
        let is_over = body.is_over();
        self.closes |= !is_over;
        match read {
            Ok(_) => Ok(bytes),
            Err(source) => Err(self.broken(source)),
        }
    }

    /// Whether another request can follow.
    pub fn is_reusable(&self) -> bool {
        !self.closes
    }

    /// What a failure of the stream is.
    pub fn broken(&self, source: io::Error) -> ApiError {
        let server = self.server.clone();
        match source.kind() {
            io::ErrorKind::InvalidData if source.get_ref().is_some_and(|inner| !inner.is::<rustls::Error>()) => {
                ApiError::Protocol { server, problem: source.to_string() }
            }
            _ => ApiError::Connection { operation: "no answer from", server, source },
        }
    }
}

fn head_of(parsed: &httparse::Response<'_, '_>) -> Head {
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).trim().to_ascii_lowercase())
    };
    let code = parsed.code.unwrap_or_default();
    let length = header("content-length").and_then(|length| length.parse().ok());
    let framing = match (header("transfer-encoding").as_deref(), length) {
        _ if matches!(code, 204 | 304) => Framing::Length(0),
        (Some("chunked"), _) => Framing::Chunks(None),
        (_, Some(length)) => Framing::Length(length),
        _ => Framing::ToEnd,
    };
    let closes = header("connection").as_deref() == Some("close") || framing == Framing::ToEnd;
    Head { code, framing, closes }
}

/// The first address of the host that answers.
fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Ok(socket) => return prepare(&socket).map(|()| socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.set_write_timeout(Some(LIMIT))?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEP_ALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(socket, KEEP_ALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, KEEP_ALIVE_PROBES)?;
    Ok(())
}
