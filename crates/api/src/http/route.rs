//! Who asks, whether they may, and which code answers.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use jiff::Timestamp;

use super::answer::{Body, refusal};
use super::{resource, unversioned};
use crate::access::{self, ResourceRequest, User};
use crate::request::{Address, Query, equalities};
use crate::security::audit::Audited;
use crate::security::authentication::PeerCertificate;
use crate::security::certificates::MASTERS;
use crate::server::Shared;
use crate::status::ApiError;

/// The answer to a request, whatever it is.
pub(super) async fn answer(
    server: &Shared,
    certificate: Option<&PeerCertificate>,
    request: Request<Incoming>,
) -> Response<Body> {
    let begun = Instant::now();
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let address = Address::parse(request.uri().path());
    let asked = access_request(request.method(), request.uri().path(), address.as_ref(), &query);
    let caller = server.security.authenticate(certificate, request.headers());
    let answered = match &caller {
        Ok(caller) => carry_out(server, &caller.user, &asked, address, query, request).await,
        Err(error) => Err(error.clone()),
    };
    let response = answered.unwrap_or_else(|error| {
        tracing::debug!(%error, "a request is refused");
        refusal(&error)
    });
    server.metrics.count(&asked, response.status().as_u16(), begun.elapsed());
    if let Some(log) = &server.audit {
        let (caller, code) = (caller.as_ref().ok(), response.status().as_u16());
        let impersonated_by = caller.and_then(|caller| caller.impersonated_by.as_deref());
        let user = caller.map(|caller| &caller.user);
        log.record(&Audited { time: Timestamp::now(), user, impersonated_by, request: &asked, code });
    }
    response
}

async fn carry_out(
    server: &Shared,
    user: &User,
    asked: &access::Request,
    address: Option<Address>,
    query: Query,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    server.security.authorize(user, asked)?;
    if let Some(also) = needs_also(asked) {
        server.security.authorize(user, &also)?;
    }
    match address {
        Some(address) => {
            // Given back when the answer begins: what streams needs no seat.
            let _seat = if is_exempt(user) { None } else { Some(server.queue.seat(&user.name).await?) };
            resource::answer(server, user.clone(), address, query, request).await
        }
        None => unversioned::answer(server, user, &query, &request),
    }
}

/// Those who may do all wait for nobody, as with the flow schema `exempt` of Kubernetes: it is they who set right what is overloaded.
fn is_exempt(user: &User) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

/// Whoever runs something in a Pod over a WebSocket, which begins with a GET, must be allowed what takes a POST otherwise.
fn needs_also(asked: &access::Request) -> Option<access::Request> {
    match asked {
        access::Request::Resource(of)
            if of.verb == "get" && matches!(of.subresource.as_str(), "exec" | "attach" | "portforward") =>
        {
            Some(access::Request::Resource(ResourceRequest { verb: "create".to_owned(), ..of.clone() }))
        }
        access::Request::Resource(_) | access::Request::Path { .. } => None,
    }
}

/// The request in the words of authorization.
fn access_request(method: &Method, path: &str, address: Option<&Address>, query: &Query) -> access::Request {
    let Some(address) = address else {
        return access::Request::Path { verb: method.as_str().to_ascii_lowercase(), path: path.to_owned() };
    };
    let (all, watch) = (address.name.is_empty(), query.flag("watch"));
    let verb = match (method, all) {
        (&Method::GET | &Method::HEAD, true) if watch => "watch",
        (&Method::GET | &Method::HEAD, true) => "list",
        (&Method::GET | &Method::HEAD, false) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::PATCH, _) => "patch",
        (&Method::DELETE, true) => "deletecollection",
        (&Method::DELETE, false) => "delete",
        _ => "",
    };
    // A list of one name is what the one may read who may read that name.
    let selects = all && matches!(verb, "list" | "watch" | "deletecollection");
    let selected = if selects { equalities(query.text("fieldSelector")) } else { Vec::new() };
    let selected = selected.into_iter().find(|(field, _)| field == "metadata.name");
    let name = selected.map_or_else(|| address.name.clone(), |(_, name)| name);
    access::Request::Resource(ResourceRequest {
        verb: verb.to_owned(),
        group: address.group.clone(),
        version: address.version.clone(),
        resource: address.resource.clone(),
        subresource: address.subresource.clone(),
        namespace: address.namespace.clone(),
        name,
        field_selector: query.text("fieldSelector").to_owned(),
        label_selector: query.text("labelSelector").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(method: &Method, path: &str, query: &str) -> String {
        match access_request(method, path, Address::parse(path).as_ref(), &Query::parse(query)) {
            access::Request::Path { verb, path } => format!("{verb} {path}"),
            access::Request::Resource(r) => {
                format!("{} {}/{} {} {}", r.verb, r.resource, r.subresource, r.namespace, r.name)
            }
        }
    }

    #[test]
    fn requests_read_as_rbac_reads_them() {
        let pods = "/api/v1/namespaces/n/pods";
        assert_eq!(shown(&Method::GET, pods, "watch=true"), "watch pods/ n ");
        assert_eq!(shown(&Method::GET, pods, "fieldSelector=metadata.name%3Dx"), "list pods/ n x");
        assert_eq!(shown(&Method::GET, pods, "fieldSelector=spec.nodeName!%3Da%5C,metadata.name%3Dx"), "list pods/ n ");
        assert_eq!(shown(&Method::POST, "/api/v1/namespaces/n/pods/p/exec", ""), "create pods/exec n p");
        assert_eq!(shown(&Method::DELETE, pods, ""), "deletecollection pods/ n ");
        assert_eq!(shown(&Method::GET, "/readyz", ""), "get /readyz");
    }
}
