//! Downloads a layer and unpacks it at the same time.
//!
//! The network side is a task, the unpacking side a thread. What lies between is short, so that a
//! slow disk slows the download down instead of filling memory.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::progress::{Progress, ProgressSink};
use super::registry::Registry;
use crate::Digest;
use crate::error::{Error, Result};
use crate::layer::{Blob, Limits, StagedLayer, stage};
use crate::manifest::Descriptor;
use crate::work::WorkDir;

const ATTEMPTS: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const PIECES_BETWEEN: usize = 64;

/// A layer to be fetched.
pub(super) struct Job<'a> {
    pub registry: &'a Registry,
    pub descriptor: &'a Descriptor,
    pub diff_id: &'a Digest,
    /// Position in the image.
    pub position: usize,
    pub work: &'a Arc<WorkDir>,
    /// Held by the unpacking thread for as long as it works. Nothing is sent.
    pub working: &'a mpsc::Sender<()>,
    pub limits: Limits,
    pub progress: &'a dyn ProgressSink,
}

impl Job<'_> {
    /// Downloads and unpacks the layer; starts over if the connection breaks.
    pub(super) async fn run(&self) -> Result<StagedLayer> {
        let mut attempt = 1;
        loop {
            match self.attempt(attempt).await {
                Err(error) if self.may_go_better(&error, attempt) => {
                    tracing::debug!(layer = %self.descriptor.digest, attempt, %error, "layer starts over");
                    self.progress.report(Progress::Downloaded { layer: self.position, bytes: 0 });
                    tokio::time::sleep(RETRY_PAUSE * attempt).await;
                    attempt += 1;
                }
                Ok(staged) => {
                    self.progress.report(Progress::Unpacked { layer: self.position });
                    return Ok(staged);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection may break once; what is wrong at one host may be right at the next.
    fn may_go_better(&self, error: &Error, attempt: u32) -> bool {
        let others = (attempt as usize) < self.registry.sources() && error.is_of_host();
        others || (error.is_transient() && attempt < ATTEMPTS)
    }

    async fn attempt(&self, attempt: u32) -> Result<StagedLayer> {
        let target = self.work.path().join(format!("{}-{attempt}", self.position));
        let (sender, receiver) = mpsc::channel(PIECES_BETWEEN);
        let unpacking = self.unpack(receiver, target);
        let downloaded = self.download(sender, attempt).await;
        let unpacked = unpacking.await;
        // A broken download breaks the unpacking too, and is the reason to tell.
        downloaded?;
        unpacked.map_err(|_| Error::Interrupted { reference: self.descriptor.digest.to_string() })?
    }

    fn unpack(&self, receiver: mpsc::Receiver<Piece>, target: PathBuf) -> tokio::task::JoinHandle<Result<StagedLayer>> {
        // The thread keeps the work folder: if this pull is given up, it is still writing there.
        let (work, working) = (self.work.clone(), self.working.clone());
        let (diff_id, limits) = (self.diff_id.clone(), self.limits);
        tokio::task::spawn_blocking(move || {
            let blob = Blob { diff_id: &diff_id, compressed: None };
            let staged = stage(PieceReader { receiver, piece: Bytes::new(), ended: false }, &target, &blob, limits);
            drop(work);
            drop(working);
            staged
        })
    }

    async fn download(&self, sender: mpsc::Sender<Piece>, attempt: u32) -> Result<()> {
        let mut blob = self.registry.blob(self.descriptor, attempt).await?;
        let mut bytes = 0;
        while let Some(piece) = blob.next().await? {
            bytes += piece.len() as u64;
            self.progress.report(Progress::Downloaded { layer: self.position, bytes });
            if sender.send(Piece::Data(piece)).await.is_err() {
                // The unpacking side has given up and knows why.
                return Ok(());
            }
        }
        // The blob has proven its digest; only now may the unpacking side see an end.
        let _ = sender.send(Piece::End).await;
        Ok(())
    }
}

enum Piece {
    Data(Bytes),
    End,
}

/// Reads what the task downloads.
struct PieceReader {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    ended: bool,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Data(piece)) => self.piece = piece,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the download was cut off")),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
