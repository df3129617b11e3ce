//! An answer in the form that the client wants.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use futures::stream;
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{HeaderValue, WARNING};
use serde_json::{Value, json};

use super::answer::{Answer, Content, Page};
use super::asked::Asked;
use crate::encoding::Form;
use crate::http::{self, Body};
use crate::printing::{IncludeObject, partial_list, partial_object, table, watch_table};
use crate::status::ApiError;
use crate::store::Stored;

/// Lists that are longer come in pieces of about this size, in bytes.
const PIECE: usize = 64 << 10;
/// What all warnings of an answer may have, in bytes.
const MAX_WARNINGS: usize = 4 << 10;

/// Makes the response.
///
/// # Errors
/// For an answer that can't be read, which is a fault of the server.
pub(crate) fn present(answer: Answer, asked: &Asked) -> Result<Response<Body>, ApiError> {
    let include = IncludeObject::parse(asked.query.text("includeObject"))?;
    let content_type = asked.accepted.content_type();
    let body = match answer.content {
        Content::Response(response) => return Ok(*response),
        Content::Document(document) => http::whole(document.to_string().into()),
        Content::Object(json) => http::whole(object(json, asked, include)?),
        Content::List(page) => list(page, asked, include)?,
    };
    let mut response = http::response(answer.code, content_type, body);
    warn(&mut response, &answer.warnings);
    Ok(response)
}

fn object(json: Bytes, asked: &Asked, include: IncludeObject) -> Result<Bytes, ApiError> {
    let formed = match asked.accepted.form {
        Form::Whole | Form::AggregatedDiscovery => return Ok(json),
        Form::Table => watch_table(asked.resource.columns, &read(&json)?, include, asked.now, true),
        Form::Metadata => partial_object(&read(&json)?),
    };
    Ok(formed.to_string().into())
}

fn read(json: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(json).map_err(ApiError::internal)
}

fn list(page: Page, asked: &Asked, include: IncludeObject) -> Result<Body, ApiError> {
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if !page.continue_at.is_empty() {
        metadata["continue"] = page.continue_at.clone().into();
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    if matches!(asked.accepted.form, Form::Whole | Form::AggregatedDiscovery) {
        return Ok(whole_list(page.items, asked, &metadata));
    }
    let objects = page.items.iter().map(|item| read(&item.json)).collect::<Result<Vec<Value>, _>>()?;
    let formed = match asked.accepted.form {
        Form::Table => table(asked.resource.columns, &objects, metadata, include, asked.now),
        _ => partial_list(&objects, metadata),
    };
    Ok(http::whole(formed.to_string().into()))
}

/// A list of whole objects, put together from their bytes.
fn whole_list(items: Vec<Stored>, asked: &Asked, metadata: &Value) -> Body {
    let kind = asked.resource.kind;
    let version = asked.resource.api_version();
    let head = format!(r#"{{"kind":"{kind}List","apiVersion":"{version}","metadata":{metadata},"items":["#);
    let length: usize = items.iter().map(|item| item.json.len() + 1).sum();
    let mut pieces = Pieces { head: Some(head), items: items.into_iter(), first: true };
    if length <= PIECE {
        return http::whole(pieces.next(usize::MAX).unwrap_or_default());
    }
    http::streamed(stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.next(PIECE)?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), pieces))
    }))
}

struct Pieces {
    /// None once it is sent.
    head: Option<String>,
    items: std::vec::IntoIter<Stored>,
    first: bool,
}

impl Pieces {
    fn next(&mut self, size: usize) -> Option<Bytes> {
        let mut piece = BytesMut::new();
        match self.head.take() {
            Some(head) => piece.extend_from_slice(head.as_bytes()),
            None if self.items.len() == 0 => return None,
            None => {}
        }
        while piece.len() < size
            && let Some(item) = self.items.next()
        {
            if !std::mem::replace(&mut self.first, false) {
                piece.extend_from_slice(b",");
            }
            piece.extend_from_slice(&item.json);
        }
        if self.items.len() == 0 {
            piece.extend_from_slice(b"]}\n");
        }
        Some(piece.freeze())
    }
}

/// As many as there is room for.
fn warn(response: &mut Response<Body>, warnings: &[String]) {
    let mut room = MAX_WARNINGS;
    for warning in warnings {
        let text: String = warning.chars().filter(|character| !character.is_control()).collect();
        let text = format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let Some(left) = room.checked_sub(text.len()) else { return };
        room = left;
        // What can't be in a header is no warning that anybody could read.
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}
