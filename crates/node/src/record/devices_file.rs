//! `devices.json`: which devices a Pod has, and what its containers need to use them.

use std::path::Path;

use super::versioned;
use crate::devices::{GRANTS_FORMAT, PodGrants};
use crate::error::NodeError;
use crate::fault;

/// Reads what a Pod has; none if it has been given nothing.
pub(crate) fn read(path: &Path) -> Result<Option<PodGrants>, NodeError> {
    versioned::read(path, GRANTS_FORMAT)
}

/// Writes it durably.
pub(crate) fn write(path: &Path, grants: &PodGrants) -> Result<(), NodeError> {
    fault::point("before the devices are written");
    versioned::write(path, grants)?;
    fault::point("after the devices are written");
    Ok(())
}
