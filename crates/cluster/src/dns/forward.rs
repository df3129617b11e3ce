//! Questions passed on to other servers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::message::{number, question};
use super::resolve::Transport;

/// How long one server is waited for.
const ONE: Duration = Duration::from_secs(2);
/// How long all of them are: resolvers give up, and ask again, after 5 s.
const ALL: Duration = Duration::from_millis(4500);
/// What a server says that can't help: `SERVFAIL`, `NOTIMP`, `REFUSED`.
const UNHELPFUL: [u8; 3] = [2, 4, 5];
/// The largest message.
const LARGEST: usize = u16::MAX as usize;

/// What the first of `servers` answers that can help, else what the last one said that couldn't; none if none answers in time.
pub(super) async fn ask(servers: &[SocketAddr], query: &[u8], over: Transport) -> Option<Vec<u8>> {
    let end = Instant::now() + ALL;
    let mut unhelpful = None;
    // Each is asked twice, as messages get lost.
    for server in servers.iter().chain(servers) {
        let limit = end.min(Instant::now() + ONE);
        match timeout_at(limit, ask_one(*server, query, over)).await {
            Ok(Ok(answer)) if !UNHELPFUL.contains(&(answer[3] & 0xf)) => return Some(answer),
            Ok(Ok(answer)) => unhelpful = Some(answer),
            Ok(Err(error)) => tracing::debug!("{server} can't be asked for names: {error}"),
            Err(_) => tracing::debug!("{server} does not answer about names"),
        }
        if Instant::now() >= end {
            break;
        }
    }
    unhelpful
}

/// The answer has the id of the question; on the way there is another, which nobody can know.
async fn ask_one(server: SocketAddr, query: &[u8], over: Transport) -> io::Result<Vec<u8>> {
    let mut asked = query.to_vec();
    let id = Message::query().metadata.id.to_be_bytes();
    asked[..2].copy_from_slice(&id);
    let mut answer = match over {
        Transport::Udp => over_udp(server, &asked).await?,
        Transport::Tcp => over_tcp(server, &asked).await?,
    };
    answer[..2].copy_from_slice(&query[..2]);
    Ok(answer)
}

async fn over_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // Anything else is somebody's who guesses, or late.
        if is_answer(&buffer[..length], query) {
            buffer.truncate(length);
            buffer.shrink_to_fit();
            return Ok(buffer);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    write_message(&mut stream, query).await?;
    let answer = read_message(&mut stream).await?;
    if is_answer(&answer, query) { Ok(answer) } else { Err(io::Error::other("it answers something else")) }
}

/// Over TCP, each message has its length before it.
pub(super) async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// See [`read_message`].
pub(super) async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::other("the message is too long"))?;
    let whole = [&length.to_be_bytes()[..], message].concat();
    stream.write_all(&whole).await
}

/// Whether it answers this question. Names may come back in other letters.
fn is_answer(message: &[u8], query: &[u8]) -> bool {
    let same_id = message.len() > 3 && number(message, 0) == number(query, 0);
    let same_question = match (question(message), question(query)) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    same_id && same_question && message[2] & 0x80 != 0
}
