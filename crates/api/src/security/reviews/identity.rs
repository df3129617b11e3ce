//! Who somebody is.

use k8s_openapi::api::authentication::v1::{SelfSubjectReviewStatus, TokenReview, TokenReviewStatus};

use super::user_info;
use crate::access::User;
use crate::security::tokens::{TokenError, Tokens};

/// Who asks.
pub(super) fn own(user: &User) -> SelfSubjectReviewStatus {
    SelfSubjectReviewStatus { user_info: Some(user_info(user)) }
}

/// Whose a token is.
pub(super) fn of_token(tokens: &Tokens, review: &TokenReview) -> TokenReviewStatus {
    let audiences = review.spec.audiences.as_deref().unwrap_or_default();
    match tokens.user(&review.spec.token, audiences) {
        Ok(known) => TokenReviewStatus {
            audiences: Some(known.audiences),
            authenticated: Some(true),
            error: None,
            user: Some(user_info(&known.user)),
        },
        Err(TokenError::Unknown) => {
            TokenReviewStatus { error: Some("invalid bearer token".to_owned()), ..TokenReviewStatus::default() }
        }
        Err(why) => {
            TokenReviewStatus { error: Some(format!("[invalid bearer token, {why}]")), ..TokenReviewStatus::default() }
        }
    }
}
