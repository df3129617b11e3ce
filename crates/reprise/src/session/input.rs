//! Standard input, as it comes.

use std::io::Read;

use tokio::sync::mpsc;

/// Reads standard input in a thread of its own: one that waits for a key must not keep the program from ending. The
/// channel ends with the input.
pub fn read() -> mpsc::Receiver<Vec<u8>> {
    let (chunks, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; 32 * 1024];
        loop {
            match stdin.read(&mut buffer) {
                Ok(n) if n > 0 && chunks.blocking_send(buffer[..n].to_vec()).is_ok() => {}
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                // The end, nothing that could be read, or nobody who wants it.
                _ => return,
            }
        }
    });
    receiver
}
