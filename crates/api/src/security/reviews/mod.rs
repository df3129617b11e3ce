//! Questions about who somebody is and what they may do, asked as objects.

mod access;
mod identity;
mod rules;

use k8s_openapi::api::authentication::v1::UserInfo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::authorization::Authorizer;
use super::tokens::Tokens;
use crate::access::User;
use crate::status::ApiError;

/// Who answers reviews.
pub(super) struct Reviews<'a> {
    pub(super) authorizer: &'a Authorizer,
    pub(super) tokens: &'a Tokens,
}

impl Reviews<'_> {
    /// The review with its status. `user` asks, in this namespace.
    pub(super) fn answer(
        &self,
        resource: &str,
        user: &User,
        namespace: &str,
        review: &Value,
    ) -> Result<Value, ApiError> {
        match resource {
            "selfsubjectreviews" => answered(review, &identity::own(user)),
            "tokenreviews" => answered(review, &identity::of_token(self.tokens, &read(review)?)),
            "selfsubjectaccessreviews" => answered(review, &access::own(self.authorizer, user, &read(review)?)?),
            "subjectaccessreviews" => answered(review, &access::of_subject(self.authorizer, &read(review)?)?),
            "localsubjectaccessreviews" => {
                answered(review, &access::in_namespace(self.authorizer, namespace, &read(review)?)?)
            }
            "selfsubjectrulesreviews" => answered(review, &rules::own(self.authorizer, user, &read(review)?)?),
            _ => Err(ApiError::no_such_resource()),
        }
    }
}

fn read<T: DeserializeOwned>(review: &Value) -> Result<T, ApiError> {
    T::deserialize(review).map_err(|error| ApiError::bad_request(format!("the review can't be read: {error}")))
}

fn answered(review: &Value, status: &impl Serialize) -> Result<Value, ApiError> {
    let mut review = review.clone();
    review["status"] = serde_json::to_value(status).map_err(ApiError::internal)?;
    Ok(review)
}

/// A user, as reviews tell it.
fn user_info(user: &User) -> UserInfo {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    UserInfo {
        extra: Some(user.extra.iter().cloned().collect())
            .filter(|all: &std::collections::BTreeMap<_, _>| !all.is_empty()),
        groups: Some(user.groups.clone()),
        uid: text(&user.uid),
        username: text(&user.name),
    }
}

#[cfg(test)]
mod tests;
