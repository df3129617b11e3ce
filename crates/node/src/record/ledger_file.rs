//! `ledger.json`: read when a worker starts, replaced before a plan's actions are carried out.

use std::fs;
use std::path::Path;

use reprise_core::ledger::{FORMAT, Ledger};
use serde::Deserialize;

use super::replace::{Durability, replace};
use crate::error::NodeError;
use crate::fault;

/// Reads a Pod's ledger; a Pod that has none yet gets a new one.
pub(crate) fn read(path: &Path) -> Result<Ledger, NodeError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Ledger::default()),
        Err(source) => return Err(NodeError::File { operation: "read", path: path.to_owned(), source }),
    };
    let bad = |source| NodeError::BadRecord { path: path.to_owned(), source };
    // The format first: a newer one may not have the rest in a shape that can be read here.
    let Format { format } = serde_json::from_slice(&content).map_err(bad)?;
    if format > FORMAT {
        return Err(NodeError::NewerFormat { path: path.to_owned(), found: format, known: FORMAT });
    }
    serde_json::from_slice(&content).map_err(bad)
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Writes it durably.
pub(crate) fn write(path: &Path, ledger: &Ledger) -> Result<(), NodeError> {
    let content =
        serde_json::to_vec(ledger).map_err(|source| NodeError::BadRecord { path: path.to_owned(), source })?;
    fault::point("before the ledger write");
    replace(path, &content, Durability::Disk).map_err(NodeError::file("write", path))?;
    fault::point("after the ledger write");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        assert_eq!(read(&path).unwrap(), Ledger::default());
        let ledger = Ledger { epoch: 3, ..Ledger::default() };
        write(&path, &ledger).unwrap();
        assert_eq!(read(&path).unwrap(), ledger);
    }

    #[test]
    fn a_ledger_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        fs::write(&path, format!("{{\"format\": {}, \"epoch\": \"a word\"}}", FORMAT + 1)).unwrap();
        assert!(matches!(read(&path), Err(NodeError::NewerFormat { .. })));
    }
}
