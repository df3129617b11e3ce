//! Standard output that may be closed early, as by `reprise ps | head`, or be a full disk: both end the program.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Exit status of a program that SIGPIPE ended, as shells report it: nobody reads any more.
pub const NOBODY_READS: i32 = 141;

/// Prints a line to standard output.
macro_rules! outln {
    ($($text:tt)*) => { $crate::stdout::show(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints text that has its own line ends.
macro_rules! out {
    ($($text:tt)*) => { $crate::stdout::show(format_args!($($text)*)) };
}

/// What the macros do.
pub fn show(text: Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(NOBODY_READS),
        Err(e) => {
            eprintln!("error: writing to standard output: {e}");
            std::process::exit(1);
        }
    }
}
