//! `/containerLogs`: a container's output, read from the file that the runtime writes.

mod follow;
mod line;
mod options;
mod print;

use hyper::Response;

use super::answer::{Body, Refusal};
use super::query::Query;
use super::route::Target;
use super::serve::find;
use crate::log_choice::{self, NoLog};
use crate::node::Node;
use crate::paths::NodePaths;
use follow::Run;
use options::LogOptions;

/// Begins with the answer; what comes later is read when the client takes it.
pub(super) fn answer(node: &Node, target: &Target, query: &Query) -> Result<Response<Body>, Refusal> {
    let options = LogOptions::of(query)?;
    let view = find(node, target)?;
    let attempt = log_choice::attempt(&view, &target.container, options.previous)?;
    let path = NodePaths::new(&node.config().data_dir).pod(&view.pod).log(&target.container, attempt);
    let run = Run::of(node, &view, &target.container, attempt);
    Ok(follow::answer(path, options, run))
}

impl From<NoLog> for Refusal {
    fn from(why: NoLog) -> Self {
        match why {
            NoLog::NoSuchContainer { .. } => Self::not_found(why.to_string()),
            NoLog::NoPrevious { .. } | NoLog::Waiting { .. } => Self::bad_request(why.to_string()),
        }
    }
}
