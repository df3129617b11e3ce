//! What a token that is asked for is to be bound to.

use k8s_openapi::api::authentication::v1::BoundObjectReference;
use reprise_core::unset::text;
use serde_json::Value;

use super::Tokens;
use super::claims::{Bound, Private};
use crate::security::follow::{NODES, PODS, SECRETS, get};
use crate::status::ApiError;

impl Tokens {
    /// Binds what the token says to the object.
    pub(super) fn bind(&self, private: &mut Private, to: &BoundObjectReference) -> Result<(), ApiError> {
        let (kind, version, name) = (text(&to.kind), text(&to.api_version), text(&to.name));
        let (resource, namespace) = match (version, kind) {
            ("v1", "Pod") => (PODS, private.namespace.as_str()),
            ("v1", "Secret") => (SECRETS, private.namespace.as_str()),
            ("v1", "Node") => (NODES, ""),
            _ => {
                return Err(ApiError::bad_request(format!(
                    "cannot bind token to object of type {version}, Kind={kind}"
                )));
            }
        };
        let object = get(&self.store, resource, namespace, name);
        let object = object.ok_or_else(|| ApiError::not_found("", resource, name))?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let wanted = text(&to.uid);
        if !wanted.is_empty() && wanted != uid {
            let why = format!(
                "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been \
                 deleted and then recreated"
            );
            return Err(ApiError::conflict("", resource, name, &why));
        }
        let bound = Bound { name: name.to_owned(), uid: uid.to_owned() };
        match resource {
            PODS => self.bind_to_pod(private, &object, bound)?,
            SECRETS => private.secret = Some(bound),
            _ => private.node = Some(bound),
        }
        Ok(())
    }

    fn bind_to_pod(&self, private: &mut Private, pod: &Value, bound: Bound) -> Result<(), ApiError> {
        let account = &private.serviceaccount.name;
        if pod["spec"]["serviceAccountName"] != account.as_str() {
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
            )));
        }
        if let Some(node) = pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
            let kept = get(&self.store, NODES, "", node);
            let uid = kept.as_ref().and_then(|node| node["metadata"]["uid"].as_str()).unwrap_or_default();
            private.node = Some(Bound { name: node.to_owned(), uid: uid.to_owned() });
        }
        private.pod = Some(bound);
        Ok(())
    }
}
