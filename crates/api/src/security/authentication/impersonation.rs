//! `Impersonate-*`: whom a client wants to be for one request (`kubectl --as`).

use hyper::HeaderMap;

use super::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED};
use crate::access::{Request, ResourceRequest, User};
use crate::status::ApiError;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
const PREFIX: &str = "impersonate-";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Whom a client wants to be, and what it must be allowed for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// Who it then is.
    pub user: User,
    /// All of these must be allowed to the one who asks.
    pub needs: Vec<Request>,
}

/// What the headers of a request ask for; nothing if there are none of these.
///
/// # Errors
/// 400 for headers that don't name a user, or that are not known: none is passed over.
pub fn impersonation(headers: &HeaderMap) -> Result<Option<Impersonation>, ApiError> {
    let unreadable = |name: &str| ApiError::bad_request(format!("header {name} can't be read"));
    let (mut users, mut groups, mut uids, mut extra) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with(PREFIX) {
            continue;
        }
        let value = value.to_str().map_err(|_| unreadable(name))?.to_owned();
        match name {
            USER => users.push(value),
            GROUP => groups.push(value),
            UID => uids.push(value),
            _ => match name.strip_prefix(EXTRA) {
                Some(key) => extra.push((decoded(key).ok_or_else(|| unreadable(name))?, value)),
                None => return Err(ApiError::bad_request(format!("header {name} is not known"))),
            },
        }
    }
    let asks = !(users.is_empty() && groups.is_empty() && uids.is_empty() && extra.is_empty());
    if !asks {
        return Ok(None);
    }
    let (1, Some(name), true) = (users.len(), users.pop().filter(|name| !name.is_empty()), uids.len() <= 1) else {
        return Err(ApiError::bad_request("requested impersonation without one user to impersonate"));
    };
    Ok(Some(made(name, groups, uids.pop().unwrap_or_default(), extra)))
}

fn made(name: String, groups: Vec<String>, uid: String, extra: Vec<(String, String)>) -> Impersonation {
    let mut needs = vec![user_need(&name)];
    needs.extend(groups.iter().map(|group| need("", "groups", "", "", group)));
    if !uid.is_empty() {
        needs.push(need("authentication.k8s.io", "uids", "", "", &uid));
    }
    needs.extend(extra.iter().map(|(key, value)| need("authentication.k8s.io", "userextras", key, "", value)));
    let groups = all_groups(&name, groups);
    let mut merged: Vec<(String, Vec<String>)> = Vec::new();
    for (key, value) in extra {
        match merged.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => merged.push((key, vec![value])),
        }
    }
    Impersonation { user: User { name, uid, groups, extra: merged }, needs }
}

/// The groups asked for, and those that come with a name.
fn all_groups(name: &str, mut groups: Vec<String>) -> Vec<String> {
    if let (true, Some((namespace, _))) = (groups.is_empty(), service_account(name)) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    let everybody = if name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    if !groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
        groups.push(everybody.to_owned());
    }
    groups
}

fn user_need(name: &str) -> Request {
    match service_account(name) {
        Some((namespace, account)) => need("", "serviceaccounts", "", namespace, account),
        None => need("", "users", "", "", name),
    }
}

/// Namespace and name of a service account's user.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}

fn need(group: &str, resource: &str, subresource: &str, namespace: &str, name: &str) -> Request {
    Request::Resource(ResourceRequest {
        verb: "impersonate".to_owned(),
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..ResourceRequest::default()
    })
}

/// A key with its percent signs resolved; header names can't hold all letters.
fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok().filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Result<Option<Impersonation>, ApiError> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            all.append(name, HeaderValue::from_str(value).unwrap());
        }
        impersonation(&all)
    }

    #[test]
    fn every_part_of_another_s_identity_needs_a_permission_of_its_own() {
        let headers = [
            ("Impersonate-User", "ann"),
            ("Impersonate-Group", "dev"),
            ("Impersonate-Group", "ops"),
            ("Impersonate-Extra-acme.com%2Fscope", "view"),
            ("Impersonate-Uid", "u1"),
        ];
        let asked = asked(&headers).unwrap().unwrap();
        assert_eq!((asked.user.name.as_str(), asked.user.uid.as_str()), ("ann", "u1"));
        assert_eq!(asked.user.groups, ["dev", "ops", AUTHENTICATED]);
        assert_eq!(asked.user.extra, [("acme.com/scope".to_owned(), vec!["view".to_owned()])]);
        let needs = asked.needs.iter().map(|need| match need {
            Request::Resource(of) => format!("{} {}/{} {}", of.verb, of.resource, of.subresource, of.name),
            Request::Path { path, .. } => path.clone(),
        });
        let wanted = [
            "impersonate users/ ann",
            "impersonate groups/ dev",
            "impersonate groups/ ops",
            "impersonate uids/ u1",
            "impersonate userextras/acme.com/scope view",
        ];
        assert_eq!(needs.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_service_account_comes_with_its_groups() {
        let asked = asked(&[("Impersonate-User", "system:serviceaccount:n:robot")]).unwrap().unwrap();
        assert_eq!(asked.user.groups, ["system:serviceaccounts", "system:serviceaccounts:n", AUTHENTICATED]);
        let Some(Request::Resource(need)) = asked.needs.first() else { panic!("{asked:?}") };
        assert_eq!((&*need.resource, &*need.namespace, &*need.name), ("serviceaccounts", "n", "robot"));
    }

    #[test]
    fn headers_that_say_nothing_clear_are_refused() {
        assert_eq!(asked(&[("Accept", "x")]).unwrap(), None);
        let wrong: [&[(&str, &str)]; 6] = [
            &[("Impersonate-Group", "dev")],
            &[("Impersonate-User", "")],
            &[("Impersonate-User", "a"), ("Impersonate-User", "b")],
            &[("Impersonate-User", "a"), ("Impersonate-Scopes", "b")],
            &[("Impersonate-User", "a"), ("Impersonate-Extra-%zz", "b")],
            &[("Impersonate-User", "a"), ("Impersonate-Extra-%e", "b")],
        ];
        for headers in wrong {
            assert_eq!(asked(headers).unwrap_err().code(), 400, "{headers:?}");
        }
    }
}
