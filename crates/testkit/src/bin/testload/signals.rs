//! Signals, as PID 1 has to deal with them.
//!
//! The kernel drops signals to PID 1 that it has no handler for, so without this thread a graceful termination
//! would always wait for its whole grace period.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::exit;
use std::sync::Mutex;
use std::thread;

use rustix::process::{WaitOptions, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What SIGTERM does.
struct OnTerm {
    exit_code: Option<i32>,
    note: Option<(String, String)>,
}

static ON_TERM: Mutex<OnTerm> = Mutex::new(OnTerm { exit_code: Some(143), note: None });

/// Starts the thread that takes all signals.
pub fn handle_in_background() {
    let mut signals = match Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("testload: no signal handlers: {error}");
            exit(74);
        }
    };
    thread::spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTERM => terminate(),
                SIGINT => exit(130),
                SIGCHLD => reap(),
                _ => println!("signal {signal}"),
            }
        }
    });
}

/// From now on SIGTERM ends the program with `code`, or does nothing if that is `None`.
pub fn exit_on_term(code: Option<i32>) {
    if let Ok(mut on_term) = ON_TERM.lock() {
        on_term.exit_code = code;
    }
}

/// From now on SIGTERM first appends `text` to `file`: proof that it was sent at all.
pub fn note_on_term(file: String, text: String) {
    if let Ok(mut on_term) = ON_TERM.lock() {
        on_term.note = Some((file, text));
    }
}

fn terminate() {
    let Ok(on_term) = ON_TERM.lock() else { exit(74) };
    if let Some((file, text)) = &on_term.note {
        let written = OpenOptions::new().create(true).append(true).open(file).and_then(|mut f| writeln!(f, "{text}"));
        if let Err(error) = written {
            eprintln!("testload: {file}: {error}");
        }
    }
    if let Some(code) = on_term.exit_code {
        exit(code);
    }
}

fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}
