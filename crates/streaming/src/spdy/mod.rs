//! SPDY/3.1 as far as Kubernetes uses it.
//!
//! Neither side of Kubernetes' streams keeps SPDY's flow-control windows (moby/spdystream, which every Go client and
//! server uses, neither sends nor honours WINDOW_UPDATE), so neither does this: a slow reader holds back the whole
//! connection.

mod decode;
mod dictionary;
mod frame;
mod headers;
mod transport;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use decode::FrameDecoder;
#[cfg(test)]
pub(crate) use frame::{Frame, FrameEncoder};
pub(crate) use headers::Headers;
pub(crate) use transport::{Role, SpdySink, SpdySource};
