//! Calls that change something are carried out to their end, even if the client goes away in the middle.
//!
//! A gRPC server drops the future of a call that nobody waits for, at whatever point it has come to. So such calls run
//! in tasks of their own, and the call only waits for its task.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;
use tonic::{Response, Status};

use super::engine::Engine;
use super::failure::Failure;

/// How long the end of the runtime waits for calls under way. What takes longer is finished by the next start, as after
/// a crash.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Counts the calls that are under way: each holds it shared.
pub type UnderWay = Arc<RwLock<()>>;

impl Engine {
    /// Runs `work` to its end, and answers with what came of it.
    pub async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let under_way = Arc::clone(&self.under_way).read_owned().await;
        let task = tokio::spawn(async move {
            let _under_way = under_way;
            work.await
        });
        match task.await {
            Ok(result) => Ok(Response::new(result?)),
            Err(e) => Err(Status::internal(format!("the call broke off: {e}"))),
        }
    }

    /// Waits a while until no call is under way.
    pub async fn last_calls(&self) {
        if tokio::time::timeout(LAST_CALLS, self.under_way.write()).await.is_err() {
            tracing::info!("calls are under way still; the next start finishes or undoes what they began");
        }
    }
}
