//! Steps that speak to others over the network.
//!
//! | step | does |
//! |---|---|
//! | `answer tcp\|udp PORT TEXT` | from now on answers everybody with `TEXT to ADDRESS`, the address as seen from here |
//! | `ask tcp\|udp ADDRESS:PORT` | prints the answer of such a one, or `no answer: ERROR`, and goes on |
//! | `addresses` | prints `ADDRESS` a line, of all that are not link-local |

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::script::{Failure, Script};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "answer" => answer(script)?,
        "ask" => ask(script)?,
        "addresses" => print_addresses().map_err(Failure::doing("addresses"))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn answer(script: &mut Script) -> Result<(), Failure> {
    let protocol = script.text("tcp or udp")?;
    let port = script.number("port")?;
    let text = script.text("text")?;
    // Takes IPv4 too.
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let doing = || Failure::doing(format!("answer {protocol} {port}"));
    match protocol.as_str() {
        "tcp" => {
            let listener = TcpListener::bind(address).map_err(doing())?;
            thread::spawn(move || answer_tcp(&listener, &text));
        }
        "udp" => {
            let socket = UdpSocket::bind(address).map_err(doing())?;
            thread::spawn(move || answer_udp(&socket, &text));
        }
        other => return Err(Failure::Usage(format!("{other:?} is neither tcp nor udp"))),
    }
    Ok(())
}

fn sentence(text: &str, to: SocketAddr) -> Vec<u8> {
    format!("{text} to {}", to.ip().to_canonical()).into_bytes()
}

fn answer_tcp(listener: &TcpListener, text: &str) {
    for mut client in listener.incoming().flatten() {
        if let Ok(to) = client.peer_addr() {
            // A client may have left.
            let _ = client.write_all(&sentence(text, to));
        }
    }
}

fn answer_udp(socket: &UdpSocket, text: &str) {
    let mut buffer = [0; 512];
    while let Ok((_, to)) = socket.recv_from(&mut buffer) {
        // As above.
        let _ = socket.send_to(&sentence(text, to), to);
    }
}

fn ask(script: &mut Script) -> Result<(), Failure> {
    let protocol = script.text("tcp or udp")?;
    let text = script.text("address")?;
    let to: SocketAddr = text.parse().map_err(|_| Failure::Usage(format!("{text:?} is no address")))?;
    let answer = if protocol == "tcp" { ask_tcp(to) } else { ask_udp(to) };
    match answer {
        Ok(answer) => println!("{answer}"),
        Err(error) => println!("no answer: {error}"),
    }
    Ok(())
}

fn ask_tcp(to: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn ask_udp(to: SocketAddr) -> io::Result<String> {
    let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(from)?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.connect(to)?;
    socket.send(b"?")?;
    let mut buffer = [0; 512];
    let size = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..size]).into_owned())
}

/// From the kernel's tables: IPv4 addresses are in the trie of local routes, IPv6 ones in a list.
fn print_addresses() -> io::Result<()> {
    let trie = fs::read_to_string("/proc/net/fib_trie")?;
    let lines: Vec<&str> = trie.lines().map(str::trim).collect();
    let mut all: Vec<String> = Vec::new();
    for pair in lines.windows(2).filter(|pair| pair[1] == "/32 host LOCAL") {
        all.push(pair[0].trim_start_matches("|-- ").to_owned());
    }
    for line in fs::read_to_string("/proc/net/if_inet6").unwrap_or_default().lines() {
        if let Some(Ok(bits)) = line.get(..32).map(|digits| u128::from_str_radix(digits, 16)) {
            all.push(Ipv6Addr::from(bits).to_string());
        }
    }
    all.retain(|address| !address.starts_with("fe80:"));
    all.sort();
    all.dedup();
    all.iter().for_each(|address| println!("{address}"));
    Ok(())
}
