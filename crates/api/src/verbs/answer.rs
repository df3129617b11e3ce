//! What a verb answers, before it is put into the form that the client wants.

use bytes::Bytes;
use hyper::Response;
use serde_json::Value;

use crate::http::Body;
use crate::store::Stored;

/// What a verb answers.
pub(crate) struct Answer {
    /// The HTTP code.
    pub code: u16,
    /// What comes with it.
    pub content: Content,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// What comes with an answer.
pub(crate) enum Content {
    /// An object as JSON.
    Object(Bytes),
    /// A list.
    List(Page),
    /// A document that has one form only, such as a `Status`.
    Document(Value),
    /// Everything, made already: streams.
    Response(Box<Response<Body>>),
}

/// A list, or a page of one.
pub(crate) struct Page {
    /// The objects.
    pub items: Vec<Stored>,
    /// The revision as of which they are so.
    pub revision: u64,
    /// Where the next page begins; empty if this is the last.
    pub continue_at: String,
    /// How many objects are behind this page, if that is known.
    pub remaining: Option<usize>,
}

impl Answer {
    /// One without warnings.
    pub fn new(code: u16, content: Content) -> Self {
        Self { code, content, warnings: Vec::new() }
    }
}
