//! One object.

use super::answer::{Answer, Content};
use super::asked::Asked;
use crate::server::Server;
use crate::status::ApiError;

pub(crate) fn get(server: &Server, asked: &Asked) -> Result<Answer, ApiError> {
    let stored = server.store.get(&asked.key()).ok_or_else(|| asked.not_found())?;
    Ok(Answer::new(200, Content::Object(stored.json.clone())))
}
