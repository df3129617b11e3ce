//! What the machine has for Pods.

use std::path::Path;

use reprise_core::quantity::Quantity;
use reprise_core::resources::ResourceList;

use crate::container::resource_ref::Machine;

/// Processors, memory, the disk that the data folder is on, and how many Pods there may be.
pub(crate) fn of(machine: &Machine, data_dir: &Path, max_pods: i64) -> ResourceList {
    let amounts = [
        ("cpu", Quantity::thousandths(machine.milli_cpu)),
        ("memory", Quantity::bytes(machine.memory_bytes)),
        ("ephemeral-storage", Quantity::bytes(disk_bytes(data_dir))),
        ("pods", Quantity::units(max_pods)),
    ];
    amounts.map(|(name, amount)| (name.to_owned(), amount)).into()
}

/// The size of a file system. One that does not tell has no end.
fn disk_bytes(path: &Path) -> i64 {
    match rustix::fs::statvfs(path) {
        Ok(disk) => i64::try_from(disk.f_blocks.saturating_mul(disk.f_frsize)).unwrap_or(i64::MAX),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the size of the disk is not known");
            i64::MAX
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_that_of_the_data_folder() {
        let machine = Machine { memory_bytes: 1 << 30, milli_cpu: 2_000 };
        let capacity = of(&machine, Path::new("/"), 7);
        assert_eq!((capacity["cpu"].to_string(), capacity["memory"].to_string()), ("2".to_owned(), "1Gi".to_owned()));
        assert!(capacity["pods"].value() == 7 && capacity["ephemeral-storage"].value() > 0);
    }
}
