//! Sizes of the client's terminal.

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tracing::debug;

use crate::stream::StreamReader;

/// More than any size takes to be written.
const MAX_UNREAD: usize = 4096;

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// The sizes that the client's terminal takes. Only the newest one is kept.
#[derive(Debug)]
pub struct Resizes(watch::Receiver<Option<TerminalSize>>);

impl Resizes {
    /// The next size; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<TerminalSize> {
        self.0.changed().await.ok()?;
        *self.0.borrow_and_update()
    }

    pub(crate) fn new(stream: Option<StreamReader>) -> Self {
        let (sender, receiver) = watch::channel(None);
        if let Some(stream) = stream {
            // Read also when nobody asks for sizes: they must not hold back the other streams.
            tokio::spawn(read(stream, sender));
        }
        Self(receiver)
    }
}

async fn read(mut stream: StreamReader, sizes: watch::Sender<Option<TerminalSize>>) {
    let mut unread = Vec::new();
    while unread.len() < MAX_UNREAD {
        match stream.read_buf(&mut unread).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match take_sizes(&mut unread) {
            Ok(Some(size)) => drop(sizes.send_replace(Some(size))),
            Ok(None) => {}
            Err(error) => return debug!(%error, "a client sent something else than a terminal size"),
        }
    }
}

/// Takes all whole sizes off the front and gives the last of them.
fn take_sizes(unread: &mut Vec<u8>) -> Result<Option<TerminalSize>, serde_json::Error> {
    let mut sizes = serde_json::Deserializer::from_slice(unread).into_iter();
    let mut last = None;
    let read = loop {
        match sizes.next() {
            Some(Ok(size)) => last = Some(size),
            Some(Err(error)) if !error.is_eof() => return Err(error),
            Some(Err(_)) | None => break sizes.byte_offset(),
        }
    };
    unread.drain(..read);
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::{TerminalSize, take_sizes};

    #[test]
    fn sizes_may_come_in_pieces_and_together() {
        let mut unread = b"{\"Width\":80,\"Height\":24}\n{\"Width\":100,\"Height\":50}{\"Wid".to_vec();
        assert_eq!(take_sizes(&mut unread).unwrap(), Some(TerminalSize { width: 100, height: 50 }));
        unread.extend_from_slice(b"th\":1,\"Height\":2}");
        assert_eq!(take_sizes(&mut unread).unwrap(), Some(TerminalSize { width: 1, height: 2 }));
        assert_eq!(take_sizes(&mut unread).unwrap(), None);
        assert!(take_sizes(&mut b"{\"Width\":-1}".to_vec()).is_err());
    }
}
