//! The startup probe of a sidecar: nobody listens until the barrier is lifted; from then on the probe's path is answered.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1);
/// Longer heads are none of a probe.
const HEAD_MAX: usize = 4 << 10;
const HEADERS_MAX: usize = 32;

/// Answers 200 on `path` from now on.
///
/// # Errors
/// If the port can't be listened on.
pub fn serve(path: &str, port: u16) -> io::Result<()> {
    let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    // Both families by one socket; a machine without IPv6 has the other one only.
    let listener = TcpListener::bind(any_v6).or_else(|_| TcpListener::bind(("0.0.0.0", port)))?;
    let path = path.to_owned();
    thread::Builder::new().name("probe".to_owned()).spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that went away has no use for an answer.
            let _ = answer(connection, &path);
        }
    })?;
    Ok(())
}

fn answer(mut connection: TcpStream, path: &str) -> io::Result<()> {
    connection.set_read_timeout(Some(LIMIT))?;
    connection.set_write_timeout(Some(LIMIT))?;
    let status = match asked(&mut connection)? {
        Some(asked) if asked == path => "200 OK",
        Some(_) => "404 Not Found",
        None => "400 Bad Request",
    };
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// The path of a request, without its query; none for what is no request.
fn asked(connection: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = [0; HEAD_MAX];
    let mut length = 0;
    while length < HEAD_MAX {
        match connection.read(&mut head[length..])? {
            0 => break,
            read => length += read,
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head[..length]) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(_)) => {
                let path = request.path.and_then(|path| path.split('?').next());
                return Ok(path.map(str::to_owned));
            }
            Err(_) => break,
        }
    }
    Ok(None)
}
