//! Steps on files, mostly in volumes, by which containers and tests tell each other things.
//!
//! | step | does |
//! |---|---|
//! | `write FILE TEXT`, `append FILE TEXT` | the text and a line end |
//! | `touch FILE`, `mkdir FOLDER`, `remove FILE` | |
//! | `count FILE` | adds one to the number in FILE (none is 0) and prints `count N` |
//! | `cat FILE`, `ls FOLDER` | prints; a folder sorted, one name a line |
//! | `hold FILE`, `alone FILE` | locks FILE until the end, beside other holders or alone; 99 if that can't be had at once |
//! | `try-write FILE` | prints `try-write FILE: ok` or the error, and goes on |

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};

use rustix::fs::{FlockOperation, flock};

use crate::script::{Failure, Script};

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "write" => write_line(script, OpenOptions::new().create(true).write(true).truncate(true))?,
        "append" => write_line(script, OpenOptions::new().create(true).append(true))?,
        "touch" => on_file(script, "touch", |file| File::create(file).map(drop))?,
        "mkdir" => on_file(script, "mkdir", |folder| fs::create_dir_all(folder))?,
        "remove" => on_file(script, "remove", |file| fs::remove_file(file))?,
        "count" => on_file(script, "count", count)?,
        "cat" => on_file(script, "cat", cat)?,
        "ls" => on_file(script, "ls", list)?,
        "hold" => on_file(script, "hold", |file| lock(file, FlockOperation::NonBlockingLockShared))?,
        "alone" => on_file(script, "alone", |file| lock(file, FlockOperation::NonBlockingLockExclusive))?,
        "try-write" => try_write(script)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The number in `file`; 0 if there is none yet.
pub fn read_count(file: &str) -> Result<u64, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Failure::Step(format!("read {file}"), error)),
    }
}

fn on_file(script: &mut Script, what: &str, act: impl Fn(&str) -> io::Result<()>) -> Result<(), Failure> {
    let file = script.text("file")?;
    act(&file).map_err(Failure::doing(format!("{what} {file}")))
}

fn write_line(script: &mut Script, open: &OpenOptions) -> Result<(), Failure> {
    let file = script.text("file")?;
    let text = script.text("text")?;
    let written = open.open(&file).and_then(|mut f| f.write_all(format!("{text}\n").as_bytes()));
    written.map_err(Failure::doing(format!("write {file}")))
}

/// Counts under a lock, so that containers of one Pod may share a counter.
fn count(file: &str) -> io::Result<()> {
    let mut counter = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(file)?;
    flock(&counter, FlockOperation::LockExclusive)?;
    let mut text = String::new();
    counter.read_to_string(&mut text)?;
    let number = text.trim().parse::<u64>().unwrap_or(0) + 1;
    counter.rewind()?;
    counter.write_all(format!("{number}\n").as_bytes())?;
    println!("count {number}");
    Ok(())
}

/// Locks until the process ends: the file is left open. By it a test learns whether two containers ever lived at once.
fn lock(file: &str, operation: FlockOperation) -> io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(file)?;
    match flock(&file, operation) {
        Ok(()) => {
            std::mem::forget(file);
            Ok(())
        }
        Err(rustix::io::Errno::WOULDBLOCK) => std::process::exit(99),
        Err(error) => Err(error.into()),
    }
}

fn cat(file: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    io::copy(&mut File::open(file)?, &mut stdout)?;
    stdout.flush()
}

fn list(folder: &str) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    names.iter().for_each(|name| println!("{name}"));
    Ok(())
}

fn try_write(script: &mut Script) -> Result<(), Failure> {
    let file = script.text("file")?;
    match OpenOptions::new().create(true).append(true).open(&file).and_then(|mut f| f.write_all(b"x\n")) {
        Ok(()) => println!("try-write {file}: ok"),
        Err(error) => println!("try-write {file}: {error}"),
    }
    Ok(())
}
