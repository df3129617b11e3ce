//! How many files, and so connections, the API or a fleet may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as the machine lets us have: each watch is a connection. Only without a node: its containers would inherit it.
pub fn allow_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?current, "the limit of open files can't be raised: only so many clients can be connected");
    }
}
