//! Steps on the program's own streams.
//!
//! | step | does |
//! |---|---|
//! | `read-lines` | prints `got LINE` for each line of stdin, and `end of input` |
//! | `copy-input` | copies stdin to stdout, byte by byte |
//! | `terminal` | prints `terminal COLUMNSxROWS` or `no terminal` |
//! | `wait-terminal COLUMNSxROWS` | waits until the terminal has that size |
//! | `print-raw HEX` | prints bytes, with no line end |
//! | `print-lines N TEXT` | prints N numbered lines as fast as it can |

use std::io::{self, Write};
use std::thread::sleep;
use std::time::Duration;

use rustix::termios::tcgetwinsize;

use crate::script::{Failure, Script};

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "read-lines" => read_lines().map_err(Failure::doing(name))?,
        "copy-input" => copy_input().map_err(Failure::doing(name))?,
        "terminal" => match size() {
            Some(size) => println!("terminal {size}"),
            None => println!("no terminal"),
        },
        "wait-terminal" => {
            let wanted = script.text("columns x rows")?;
            while size().as_ref() != Some(&wanted) {
                sleep(Duration::from_millis(2));
            }
        }
        "print-raw" => print_raw(&script.text("hexadecimal digits")?).map_err(Failure::doing(name))?,
        "print-lines" => {
            let number: u64 = script.number("lines")?;
            print_lines(number, &script.text("text")?).map_err(Failure::doing(name))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn read_lines() -> io::Result<()> {
    for line in io::stdin().lines() {
        println!("got {}", line?);
    }
    println!("end of input");
    Ok(())
}

fn copy_input() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    io::copy(&mut io::stdin().lock(), &mut stdout)?;
    stdout.flush()
}

fn size() -> Option<String> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(format!("{}x{}", size.ws_col, size.ws_row))
}

fn print_raw(hex: &str) -> io::Result<()> {
    let digit = |index| hex.get(index..index + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(digit).collect();
    let bytes = bytes.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not hexadecimal"))?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&bytes)?;
    stdout.flush()
}

fn print_lines(number: u64, text: &str) -> io::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    for number in 1..=number {
        writeln!(stdout, "{text} {number}")?;
    }
    stdout.flush()
}
