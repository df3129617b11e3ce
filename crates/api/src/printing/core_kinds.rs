//! Columns of kinds with little to say.

use super::field::{entries, text};
use super::{Column, Columns};

/// Columns of Namespaces.
pub static NAMESPACES: Columns = Columns(&[
    Column::NAME,
    Column::text("Status", "Active or Terminating.", |namespace, _| text(namespace, "/status/phase").into()),
    Column::AGE,
]);

/// Columns of ConfigMaps.
pub static CONFIG_MAPS: Columns = Columns(&[
    Column::NAME,
    Column::text("Data", "How many keys there are.", |map, _| {
        (entries(map, "/data") + entries(map, "/binaryData")).to_string().into()
    }),
    Column::AGE,
]);

/// Columns of Secrets.
pub static SECRETS: Columns = Columns(&[
    Column::NAME,
    Column::text("Type", "What the secret is for.", |secret, _| text(secret, "/type").into()),
    Column::text("Data", "How many keys there are.", |secret, _| entries(secret, "/data").to_string().into()),
    Column::AGE,
]);

/// Columns of Leases.
pub static LEASES: Columns = Columns(&[
    Column::NAME,
    Column::text("Holder", "Who holds the lease.", |lease, _| text(lease, "/spec/holderIdentity").into()),
    Column::AGE,
]);
