//! From a path, a method and a body to a verb.

use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, USER_AGENT};
use hyper::{Method, Request, Response};
use jiff::Timestamp;

use super::answer::Body;
use super::body;
use super::stall::MayPause;
use crate::access::User;
use crate::encoding::{Form, negotiate};
use crate::request::{Address, ListOptions, Query};
use crate::resources::{self, Subresource, Verb};
use crate::server::Shared;
use crate::status::ApiError;
use crate::verbs::{self, Answer, Asked};

/// The forms that objects can be answered in.
const FORMS: &[Form] = &[Form::Table, Form::Metadata];
/// What people look at, and may stop looking at for a while.
const LOOKED_AT: [&str; 4] = ["log", "exec", "attach", "portforward"];

pub(super) async fn answer(
    server: &Shared,
    user: User,
    address: Address,
    query: Query,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let asked = asked(user, address, query, request.headers())?;
    let verb = verb(request.method(), &asked)?;
    tracing::trace!(user = asked.user.name, %verb, resource = asked.resource.stored_as, asked.namespace, asked.name);
    if LOOKED_AT.contains(&asked.part())
        && let Some(may_pause) = request.extensions().get::<MayPause>()
    {
        may_pause.allow();
    }
    let answer = match asked.subresource.filter(|subresource| subresource.name != "status") {
        Some(subresource) => verbs::subresource(server, &asked, subresource, verb, request).await?,
        None => carry_out(server, &asked, verb, request).await?,
    };
    verbs::present(answer, &asked)
}

fn asked(user: User, address: Address, query: Query, headers: &HeaderMap) -> Result<Asked, ApiError> {
    let resource = resources::find(&address.group, &address.version, &address.resource);
    let resource = resource.ok_or_else(ApiError::no_such_resource)?;
    let is_its_own = resource.stored_as == "namespaces";
    if !address.namespace.is_empty() && !resource.namespaced && !is_its_own {
        return Err(ApiError::no_such_resource());
    }
    if address.namespace.is_empty() && resource.namespaced && !address.name.is_empty() {
        return Err(ApiError::no_such_resource());
    }
    let subresource = match address.subresource.as_str() {
        "" => None,
        name => Some(resource.subresource(name).ok_or_else(ApiError::no_such_resource)?),
    };
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Asked {
        user,
        resource,
        namespace: if resource.namespaced { address.namespace } else { String::new() },
        name: address.name,
        subresource,
        query,
        accepted: negotiate(text(ACCEPT), FORMS)?,
        user_agent: text(USER_AGENT).unwrap_or_default().to_owned(),
        content_type: text(CONTENT_TYPE).map(str::to_owned),
        now: Timestamp::now(),
    })
}

/// What a method means here.
fn verb(method: &Method, asked: &Asked) -> Result<Verb, ApiError> {
    let all = asked.name.is_empty();
    let verb = match (method, all) {
        (&Method::GET, true) if asked.query.flag("watch") => Verb::Watch,
        (&Method::GET, true) => Verb::List,
        (&Method::GET, false) => Verb::Get,
        (&Method::POST, true) => Verb::Create,
        (&Method::POST, false) if asked.subresource.is_some() => Verb::Create,
        (&Method::PUT, false) => Verb::Update,
        (&Method::PATCH, false) => Verb::Patch,
        (&Method::DELETE, true) => Verb::DeleteCollection,
        (&Method::DELETE, false) => Verb::Delete,
        _ => return Err(not_allowed()),
    };
    let verbs = asked.subresource.map_or(asked.resource.verbs, |subresource: &Subresource| subresource.verbs);
    // New objects of a namespace, and the end of all of them, are asked for there.
    let elsewhere = asked.resource.namespaced
        && asked.namespace.is_empty()
        && matches!(verb, Verb::Create | Verb::DeleteCollection);
    if !verbs.contains(&verb) || elsewhere {
        return Err(not_allowed());
    }
    Ok(verb)
}

/// 405.
pub(super) fn not_allowed() -> ApiError {
    ApiError::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

async fn carry_out(server: &Shared, asked: &Asked, verb: Verb, request: Request<Incoming>) -> Result<Answer, ApiError> {
    match verb {
        Verb::Get => verbs::get(server, asked),
        Verb::List => verbs::list(server, asked, &ListOptions::parse(&asked.query, asked.resource)?),
        Verb::Watch => verbs::watch(server, asked, &ListOptions::parse(&asked.query, asked.resource)?),
        Verb::Create => {
            let body = body::read(request.into_body()).await?;
            if !asked.resource.is_stored() {
                return verbs::review(server, asked, &body);
            }
            verbs::create(server, asked, &body).await
        }
        Verb::Update => verbs::replace(server, asked, &body::read(request.into_body()).await?).await,
        Verb::Patch => verbs::patch(server, asked, &body::read(request.into_body()).await?).await,
        Verb::Delete => verbs::delete(server, asked, &body::read(request.into_body()).await?).await,
        Verb::DeleteCollection => {
            verbs::delete_collection(server, asked, &body::read(request.into_body()).await?).await
        }
    }
}
