//! `node-id`: which node a data folder belongs to. What the node makes in a runtime bears it.

use std::fs;
use std::io::ErrorKind;

use uuid::Uuid;

use super::replace::{Durability, replace};
use crate::error::NodeError;
use crate::paths::NodePaths;

/// Reads it; a node that has none gets one.
pub(crate) fn read(paths: &NodePaths) -> Result<String, NodeError> {
    let path = paths.node_id();
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(NodeError::File { operation: "read", path, source });
        }
        Ok(_) | Err(_) => {}
    }
    let id = Uuid::new_v4().to_string();
    replace(&path, id.as_bytes(), Durability::Disk).map_err(NodeError::file("write", path))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let paths = NodePaths::new(folder.path());
        let id = read(&paths).unwrap();
        assert_eq!(read(&paths).unwrap(), id);
    }
}
