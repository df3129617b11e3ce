//! What went wrong in a creation, for whoever asked for it.
//!
//! libcontainer logs the cause of a failure in the process where it happens, deep inside the new namespaces, and hands
//! only its outermost words on. So its error log is collected in the file that the shim reads.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects errors that are logged from here on, also in processes cloned from this one, in the file.
pub fn errors_to(path: &Path) {
    if let Ok(file) = File::create(path) {
        // Set once, at the start of the process.
        let _ = tracing::subscriber::set_global_default(Collector(file));
    }
}

/// Adds the last word.
pub fn append(path: &Path, sentence: &str) {
    // Without the file the shim still says that creation failed.
    let _ = OpenOptions::new().append(true).create(true).open(path).and_then(|mut f| writeln!(f, "{sentence}"));
}

/// All that has been collected, and the last word.
pub fn read(path: &Path, sentence: &str) -> String {
    let collected = std::fs::read_to_string(path).unwrap_or_default();
    collected.lines().chain([sentence]).collect::<Vec<_>>().join("; ")
}

struct Collector(File);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        // The creation fails anyway; the sentence of its error is added at the end.
        let _ = writeln!(&self.0, "{}", line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}: {value:?}"),
        };
    }
}
