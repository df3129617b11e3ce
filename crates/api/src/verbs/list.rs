//! Many objects, as of one revision, whole or in pages.

use super::answer::{Answer, Content, Page};
use super::asked::Asked;
use super::continue_token::ContinueToken;
use super::selection::Selection;
use crate::request::{ListOptions, VersionMatch};
use crate::server::Server;
use crate::status::ApiError;
use crate::store::{Store, Stored};

/// How long a client may wait that wants a revision which is not there yet, in seconds.
const ASK_AGAIN: i32 = 1;

pub(crate) fn list(server: &Server, asked: &Asked, options: &ListOptions) -> Result<Answer, ApiError> {
    let (items, revision) = match options.continue_from.as_str() {
        "" => first_page(&server.store, asked, options)?,
        token => next_page(&server.store, asked, options, &ContinueToken::parse(token)?)?,
    };
    let selection = Selection { labels: options.labels.clone(), fields: options.fields.clone() };
    Ok(Answer::new(200, Content::List(page(items, revision, &selection, options.limit))))
}

/// The namespaces and names that are asked for are known before anything is read.
fn read(store: &Store, asked: &Asked, options: &ListOptions) -> (Vec<Stored>, u64) {
    let namespace = asked.in_namespace().or_else(|| options.fields.namespace());
    let known = namespace.is_some() || !asked.resource.namespaced;
    let name = options.fields.name().filter(|_| known);
    let Some(name) = name else { return store.list(asked.resource.stored_as, namespace) };
    let mut key = asked.key_of(name);
    key.namespace = namespace.unwrap_or_default().to_owned();
    // The revision is read first: an object that is newer than its list is no harm, a missed one would be.
    let revision = store.revision();
    (store.get(&key).into_iter().collect(), revision)
}

fn first_page(store: &Store, asked: &Asked, options: &ListOptions) -> Result<(Vec<Stored>, u64), ApiError> {
    let (resource, namespace) = (asked.resource.stored_as, asked.in_namespace());
    let current = store.revision();
    match options.version {
        Some(wanted) if wanted > current => Err(too_large(wanted, current)),
        Some(wanted) if options.version_match == Some(VersionMatch::Exact) => {
            let items = store.list_at(resource, namespace, wanted).map_err(|old| ApiError::expired(old.to_string()))?;
            Ok((items, wanted))
        }
        _ => Ok(read(store, asked, options)),
    }
}

fn next_page(
    store: &Store,
    asked: &Asked,
    options: &ListOptions,
    token: &ContinueToken,
) -> Result<(Vec<Stored>, u64), ApiError> {
    if options.version.is_some_and(|version| version > 0) {
        return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
    }
    let expired = "The provided continue parameter is too old to display a consistent list result. You can start a new \
         list without the continue parameter.";
    let items = store.list_at(asked.resource.stored_as, asked.in_namespace(), token.revision);
    let mut items = items.map_err(|_| ApiError::expired(expired))?;
    let last = (&token.namespace, &token.name);
    let seen = items.partition_point(|item| (&item.key.namespace, &item.key.name) <= last);
    items.drain(..seen);
    Ok((items, token.revision))
}

fn page(mut items: Vec<Stored>, revision: u64, selection: &Selection, limit: usize) -> Page {
    let everything = selection.is_everything();
    if !everything {
        items.retain(|item| selection.has(item));
    }
    let rest = items.len().saturating_sub(limit);
    items.truncate(limit);
    let last = items.last().filter(|_| rest > 0);
    let continue_at = last.map(|last| ContinueToken::new(revision, &last.key.namespace, &last.key.name).text());
    Page {
        items,
        revision,
        continue_at: continue_at.unwrap_or_default(),
        // As in Kubernetes, it is not said for a selection.
        remaining: (rest > 0 && everything).then_some(rest),
    }
}

/// 504 for a revision that is not there yet.
fn too_large(wanted: u64, current: u64) -> ApiError {
    let message = format!("Too large resource version: {wanted}, current: {current}");
    let error =
        ApiError::new(504, "Timeout", message).because("ResourceVersionTooLarge", "Too large resource version", "");
    error.retry_after(ASK_AGAIN)
}
