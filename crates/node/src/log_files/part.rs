//! Parts of a log that are not written to any more.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use reprise_core::log_rotation::{Rotated, rotated};

/// Names of the files in a folder; none if it is not there.
pub(crate) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
}

/// The parts of the log at `path`, the oldest first.
pub(super) fn of(path: &Path) -> io::Result<Vec<Rotated>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    Ok(rotated(&name.to_string_lossy(), &names_in(folder)?))
}

/// Opens a part, which may have been compressed since it was listed. None if it is gone.
pub(super) fn open(path: &Path, part: &Rotated) -> io::Result<Option<Box<dyn Read + Send>>> {
    let file = |name: &str| match File::open(path.with_file_name(name)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    };
    if !part.compressed
        && let Some(file) = file(&part.name)?
    {
        return Ok(Some(Box::new(file)));
    }
    let compressed = if part.compressed { part.name.clone() } else { format!("{}.gz", part.name) };
    Ok(file(&compressed)?.map(|file| Box::new(GzDecoder::new(file)) as Box<dyn Read + Send>))
}

/// How many lines there are.
pub(super) fn count_lines(reader: impl Read) -> io::Result<u64> {
    let mut reader = BufReader::new(reader);
    let mut count = 0;
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            return Ok(count);
        }
        count += block.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = block.len();
        reader.consume(length);
    }
}
