//! `ledger.json`: read when a worker starts, replaced before a plan's actions are carried out.

use std::path::Path;

use reprise_core::ledger::{FORMAT, Ledger};

use super::versioned;
use crate::error::NodeError;
use crate::fault;

/// Reads a Pod's ledger; a Pod that has none yet gets a new one.
pub(crate) fn read(path: &Path) -> Result<Ledger, NodeError> {
    Ok(versioned::read(path, FORMAT)?.unwrap_or_default())
}

/// Writes it durably.
pub(crate) fn write(path: &Path, ledger: &Ledger) -> Result<(), NodeError> {
    fault::point("before the ledger write");
    versioned::write(path, ledger)?;
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
        std::fs::write(&path, format!("{{\"format\": {}, \"epoch\": \"a word\"}}", FORMAT + 1)).unwrap();
        assert!(matches!(read(&path), Err(NodeError::NewerFormat { .. })));
    }
}
