//! What the runtime and an exec helper say to each other, a message each. Closing the connection ends the program.

/// To the helper, with the program's three streams: run it on them.
pub const PIPES: &[u8] = b"pipes";
/// To the helper: run it on a terminal.
pub const TERMINAL: &[u8] = b"terminal";
/// From the helper, with the terminal's master end if there is one: the program runs. Anything else is a sentence that
/// says why it does not.
pub const STARTED: &[u8] = b"started";
