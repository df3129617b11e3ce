//! Steps that print what the container was given, as seen from inside.
//!
//! | step | prints |
//! |---|---|
//! | `print TEXT`, `eprint TEXT` | the text, on stdout or stderr |
//! | `print-bytes N` | a line of N bytes |
//! | `tick N MS TEXT` | N numbered lines, MS milliseconds apart |
//! | `tick-until FILE TEXT` | a line every few milliseconds until the file is there |
//! | `env NAME` | `NAME=value` or `NAME unset` |
//! | `id` | `uid=U gid=G groups=A,B` |
//! | `caps`, `nnp`, `seccomp` | those lines of `/proc/self/status` |
//! | `cwd`, `hostname`, `argv0` | one line each |
//! | `mounts` | `POINT TYPE OPTIONS` a line |
//! | `namespaces` | `net net:[4026531840]` a line |
//! | `cgroup` | `/proc/self/cgroup` |
//! | `processes` | `PID COMMAND` a line, of all that `/proc` shows |
//! | `links` | names of the network interfaces, sorted, on one line |

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{getgid, getgroups, getuid};

use crate::script::{Failure, Script};

/// Takes the step if it is one of these.
pub fn step(name: &str, script: &mut Script) -> Result<bool, Failure> {
    match name {
        "print" => println!("{}", script.text("text")?),
        "eprint" => eprintln!("{}", script.text("text")?),
        "print-bytes" => println!("{}", "x".repeat(script.number("bytes")?)),
        "tick" => tick(script)?,
        "tick-until" => tick_until(script)?,
        "env" => print_variable(&script.text("name")?),
        "argv0" => println!("{}", std::env::args().next().unwrap_or_default()),
        _ => return print_fact(name).map_err(Failure::doing(name)),
    }
    Ok(true)
}

/// The steps without arguments that read something from the system.
fn print_fact(name: &str) -> io::Result<bool> {
    match name {
        "id" => print_ids()?,
        "caps" => print_status(&["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])?,
        "nnp" => print_status(&["NoNewPrivs"])?,
        "seccomp" => print_status(&["Seccomp"])?,
        "cwd" => println!("{}", std::env::current_dir()?.display()),
        "hostname" => print!("{}", fs::read_to_string("/proc/sys/kernel/hostname")?),
        "mounts" => print_mounts()?,
        "namespaces" => print_namespaces()?,
        "cgroup" => print!("{}", fs::read_to_string("/proc/self/cgroup")?),
        "processes" => print_processes()?,
        "links" => print_links()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn tick(script: &mut Script) -> Result<(), Failure> {
    let times: u64 = script.number("times")?;
    let pause = Duration::from_millis(script.number("milliseconds")?);
    let text = script.text("text")?;
    for number in 1..=times {
        println!("{text} {number}");
        sleep(pause);
    }
    Ok(())
}

fn tick_until(script: &mut Script) -> Result<(), Failure> {
    let file = script.text("file")?;
    let text = script.text("text")?;
    while !Path::new(&file).exists() {
        println!("{text}");
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn print_variable(name: &str) {
    match std::env::var_os(name) {
        Some(value) => println!("{name}={}", value.to_string_lossy()),
        None => println!("{name} unset"),
    }
}

fn print_ids() -> io::Result<()> {
    let mut groups: Vec<u32> = getgroups()?.into_iter().map(|group| group.as_raw()).collect();
    groups.sort_unstable();
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    println!("uid={} gid={} groups={}", getuid().as_raw(), getgid().as_raw(), groups.join(","));
    Ok(())
}

fn print_status(names: &[&str]) -> io::Result<()> {
    for line in fs::read_to_string("/proc/self/status")?.lines() {
        if let Some((name, value)) = line.split_once(':')
            && names.contains(&name)
        {
            println!("{name} {}", value.trim());
        }
    }
    Ok(())
}

/// A line of mountinfo is: id, parent, device, root, point, options, tags..., "-", type, source, options.
fn print_mounts() -> io::Result<()> {
    for line in fs::read_to_string("/proc/self/mountinfo")?.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut left = left.split(' ').skip(4);
        let (point, options) = (left.next().unwrap_or_default(), left.next().unwrap_or_default());
        println!("{point} {} {options}", right.split(' ').next().unwrap_or_default());
    }
    Ok(())
}

fn print_namespaces() -> io::Result<()> {
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] {
        println!("{name} {}", fs::read_link(Path::new("/proc/self/ns").join(name))?.display());
    }
    Ok(())
}

fn print_processes() -> io::Result<()> {
    let mut pids: Vec<u32> = names_in("/proc")?.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    for pid in pids {
        // A process may end while we look.
        let Ok(command) = fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
        println!("{pid} {}", command.trim_end());
    }
    Ok(())
}

fn print_links() -> io::Result<()> {
    let text = fs::read_to_string("/proc/net/dev")?;
    let mut names: Vec<&str> = text.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    names.sort_unstable();
    println!("{}", names.join(" "));
    Ok(())
}

fn names_in(folder: impl AsRef<OsStr>) -> io::Result<Vec<String>> {
    fs::read_dir(Path::new(&folder))?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
