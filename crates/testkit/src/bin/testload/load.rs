//! Steps that use memory, processor, network or processes.
//!
//! | step | does |
//! |---|---|
//! | `alloc-mib N` | takes and touches N MiB, kept to the end |
//! | `burn-ms N` | computes for N milliseconds |
//! | `serve PORT` | HTTP in the background: `/exists/PATH` is 200 if the file is there, else 503; all else is 200 |
//! | `get HOST:PORT PATH` | prints the status line of an HTTP request, or the error |
//! | `spawn-forever` | leaves a child process running |

use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::script::{Failure, Script};

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "alloc-mib" => allocate(script.number("MiB")?),
        "burn-ms" => burn(Duration::from_millis(script.number("milliseconds")?)),
        "serve" => serve(script.number("port")?).map_err(Failure::doing("serve"))?,
        "get" => {
            let address = script.text("host:port")?;
            get(&address, &script.text("path")?);
        }
        "spawn-forever" => spawn_forever().map_err(Failure::doing("spawn-forever"))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn allocate(mib: usize) {
    let mut block = vec![0u8; mib << 20];
    // One write per page makes the kernel hand out real memory.
    block.chunks_mut(4096).for_each(|page| page[0] = 1);
    std::mem::forget(black_box(block));
}

fn burn(time: Duration) {
    let end = Instant::now() + time;
    let mut value = 1u64;
    while Instant::now() < end {
        value = black_box(value.wrapping_mul(6_364_136_223_846_793_005));
    }
}

fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    thread::spawn(move || {
        for connection in listener.incoming() {
            if let Err(error) = connection.and_then(answer) {
                eprintln!("testload: serve: {error}");
            }
        }
    });
    Ok(())
}

fn answer(connection: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/");
    let status = match path.strip_prefix("/exists") {
        Some(file) if !Path::new(file).exists() => "503 Service Unavailable",
        _ => "200 OK",
    };
    reader
        .into_inner()
        .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n").as_bytes())
}

fn get(address: &str, path: &str) {
    match request(address, path) {
        Ok(status) => println!("get {address}{path}: {status}"),
        Err(error) => println!("get {address}{path}: {error}"),
    }
}

fn request(address: &str, path: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// The child outlives this function and is not waited for: as PID 1's child it must die with its namespace.
fn spawn_forever() -> io::Result<()> {
    let child = Command::new(std::env::current_exe()?).arg("forever").spawn()?;
    println!("spawned {}", child.id());
    Ok(())
}
