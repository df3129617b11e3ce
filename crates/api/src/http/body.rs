//! The bodies of requests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::status::ApiError;

/// The API server's own limit.
const MAX: usize = 3 << 20;
/// How long a body may take to come: its request has a seat that others wait for.
const LONGEST: Duration = Duration::from_secs(30);

/// All of a body.
///
/// # Errors
/// 413 if it is too large, 408 if it takes too long, 400 if it breaks off.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(LONGEST, Limited::new(body, MAX).collect()).await;
    let too_slow = |_| ApiError::new(408, "Timeout", format!("the request's body did not come within {LONGEST:?}"));
    match collected.map_err(too_slow)? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {MAX}");
            Err(ApiError::new(413, "RequestEntityTooLarge", message))
        }
        Err(error) => Err(ApiError::bad_request(format!("the request's body broke off: {error}"))),
    }
}
