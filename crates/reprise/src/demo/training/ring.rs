//! All workers in a ring of TCP connections, each knowing the next by its host name. Sums are made by a ring all-reduce: in the
//! first round each passes on a part of the sum until it is complete at one worker, in the second the complete parts go round.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where workers listen.
const PORT: u16 = 7070;
/// A peer's name may come a moment after the peer, and the peer a moment after us.
const AGAIN: Duration = Duration::from_millis(50);
const WORD: usize = size_of::<i64>();

/// Who takes part.
#[derive(Debug, Clone)]
pub struct Peers {
    pub workers: usize,
    pub rank: usize,
    /// The name of a worker's host, with `{}` for its rank.
    pub hosts: String,
}

/// A worker's place in the ring.
#[derive(Debug)]
pub struct Ring {
    workers: usize,
    rank: usize,
    /// To the next worker, and from the one before. None for a worker that is alone.
    links: Option<(TcpStream, TcpStream)>,
}

impl Peers {
    fn next(&self) -> (String, u16) {
        (self.hosts.replace("{}", &((self.rank + 1) % self.workers).to_string()), PORT)
    }

    fn before(&self) -> usize {
        (self.rank + self.workers - 1) % self.workers
    }
}

impl Ring {
    /// Waits until both neighbours are there.
    pub async fn join(peers: &Peers) -> io::Result<Self> {
        let Peers { workers, rank, .. } = *peers;
        if workers == 1 {
            return Ok(Self { workers, rank, links: None });
        }
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        Self::join_at(peers, &listener, &peers.next()).await
    }

    async fn join_at(peers: &Peers, listener: &TcpListener, next: &(String, u16)) -> io::Result<Self> {
        let Peers { workers, rank, .. } = *peers;
        let (next, before) = tokio::join!(connect(next, rank), accept(listener, peers.before()));
        Ok(Self { workers, rank, links: Some((next?, before?)) })
    }

    /// Makes `words` the sums of all workers' words. All have the same number of them.
    pub async fn add_up(&mut self, words: &mut [i64]) -> io::Result<()> {
        let Some((next, before)) = &mut self.links else { return Ok(()) };
        let (workers, rank) = (self.workers, self.rank);
        let (all, length) = (words.len(), words.len().div_ceil(workers));
        let part = |number: usize| {
            let begin = (number % workers * length).min(all);
            begin..(begin + length).min(all)
        };
        for round in 0..2 * (workers - 1) {
            // In each round the parts are one place further.
            let (sent, received) = (part(rank + 2 * workers - round), part(rank + 2 * workers - round - 1));
            let adds = round < workers - 1;
            let bytes: Vec<u8> = words[sent].iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut answer = vec![0; received.len() * WORD];
            let (written, read) = tokio::join!(next.write_all(&bytes), before.read_exact(&mut answer));
            written?;
            read?;
            for (word, got) in words[received].iter_mut().zip(answer.chunks_exact(WORD)) {
                let got = got.iter().rev().fold(0i64, |value, byte| value << 8 | i64::from(*byte));
                *word = if adds { word.wrapping_add(got) } else { got };
            }
        }
        Ok(())
    }
}

async fn connect(next: &(String, u16), rank: usize) -> io::Result<TcpStream> {
    loop {
        if let Ok(mut stream) = TcpStream::connect((next.0.as_str(), next.1)).await {
            stream.set_nodelay(true)?;
            stream.write_u64_le(rank as u64).await?;
            return Ok(stream);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The worker before this one; others have the wrong address.
async fn accept(listener: &TcpListener, before: usize) -> io::Result<TcpStream> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        if stream.read_u64_le().await.is_ok_and(|rank| rank == before as u64) {
            stream.set_nodelay(true)?;
            return Ok(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn summed(workers: usize, length: usize) -> Vec<Vec<i64>> {
        let mut listeners = Vec::new();
        for _ in 0..workers {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let mut tasks = Vec::new();
        for (rank, listener) in listeners.into_iter().enumerate() {
            let next = ("127.0.0.1".to_owned(), ports[(rank + 1) % workers]);
            tasks.push(tokio::spawn(async move {
                let peers = Peers { workers, rank, hosts: String::new() };
                let mut ring = Ring::join_at(&peers, &listener, &next).await.unwrap();
                let mut words: Vec<i64> = (0..length).map(|at| (at as i64 - 3) * (rank as i64 + 1)).collect();
                ring.add_up(&mut words).await.unwrap();
                ring.add_up(&mut words).await.unwrap();
                words
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn every_worker_gets_the_sums_of_all_whatever_their_number() {
        for (workers, length) in [(2, 5), (3, 7), (8, 17), (8, 3), (5, 0)] {
            let ranks: i64 = (1..=workers as i64).sum();
            let expected: Vec<i64> = (0..length).map(|at| (at as i64 - 3) * ranks * workers as i64).collect();
            for words in summed(workers, length).await {
                assert_eq!(words, expected, "{workers} workers, {length} words");
            }
        }
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_noticed() {
        let listeners =
            [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let next = listeners.each_ref().map(|listener| ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port()));
        let peers = |rank| Peers { workers: 2, rank, hosts: String::new() };
        let (first, second) = (peers(0), peers(1));
        let (ring, gone) = tokio::join!(
            Ring::join_at(&first, &listeners[0], &next[1]),
            Ring::join_at(&second, &listeners[1], &next[0])
        );
        drop(gone.unwrap());
        assert!(ring.unwrap().add_up(&mut [1, 2]).await.is_err());
    }
}
