//! Where objects are kept: on disk for good, in memory for reading, and for a while as they were before, for watchers.
//!
//! ```text
//!   write() --> queue --> writer thread: decide, one durable commit for all that wait --> memory + history --> answers
//!                                                                                              |
//!   get(), list() <----------------------------------------------------------------------------+--> watch()
//! ```

mod change;
mod event;
mod object;
mod options;
mod seal;

pub use change::{Change, Expect, WriteError};
pub use event::{AFTER_OBJECT, Event, EventKind};
pub use object::{Fields, Key, Labels, Object, Pairs, Stored};
pub use options::{HistoryLimits, StoreOptions};
pub use seal::{Plain, Seal, SealError};
