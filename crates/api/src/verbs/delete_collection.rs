//! The end of many objects.

use super::answer::{Answer, Content, Page};
use super::asked::Asked;
use super::delete::{delete_object, options};
use super::selection::Selection;
use crate::request::ListOptions;
use crate::server::Server;
use crate::status::ApiError;

pub(crate) async fn delete_collection(server: &Server, asked: &Asked, body: &[u8]) -> Result<Answer, ApiError> {
    let options = options(asked, body)?;
    let list = ListOptions::parse(&asked.query, asked.resource)?;
    let selection = Selection { labels: list.labels, fields: list.fields };
    let (mut items, revision) = server.store.list(asked.resource.stored_as, asked.in_namespace());
    items.retain(|item| selection.has(item));
    for item in &items {
        let key = &item.key;
        let one = Asked { namespace: key.namespace.clone(), name: key.name.clone(), ..asked.clone() };
        match delete_object(server, &one, &options).await {
            Ok(_) => {}
            // Somebody else was faster, which is as good.
            Err(error) if error.code() == 404 => {}
            Err(error) => return Err(error),
        }
    }
    let page = Page { items, revision, continue_at: String::new(), remaining: None };
    Ok(Answer::new(200, Content::List(page)))
}
