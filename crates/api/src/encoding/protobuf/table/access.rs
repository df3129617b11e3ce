//! Roles, reviews and tokens.

use super::meta::{FIELD_SELECTOR_REQUIREMENT, LABEL_SELECTOR, LABEL_SELECTOR_REQUIREMENT, OBJECT_META};
use crate::encoding::protobuf::message::messages;

messages! {
    AGGREGATION_RULE "AggregationRule" { 1 clusterRoleSelectors many LABEL_SELECTOR }
    BOUND_OBJECT_REFERENCE "BoundObjectReference" {
        1 kind one Text; 2 apiVersion one Text; 3 name one Text; 4 uid one Text
    }
    CLUSTER_ROLE "ClusterRole" {
        1 metadata maybe OBJECT_META; 2 rules many POLICY_RULE; 3 aggregationRule maybe AGGREGATION_RULE
    }
    CLUSTER_ROLE_BINDING "ClusterRoleBinding" {
        1 metadata maybe OBJECT_META; 2 subjects many SUBJECT; 3 roleRef maybe ROLE_REF
    }
    FIELD_SELECTOR_ATTRIBUTES "FieldSelectorAttributes" {
        1 rawSelector one Text; 2 requirements many FIELD_SELECTOR_REQUIREMENT
    }
    LABEL_SELECTOR_ATTRIBUTES "LabelSelectorAttributes" {
        1 rawSelector one Text; 2 requirements many LABEL_SELECTOR_REQUIREMENT
    }
    LOCAL_SUBJECT_ACCESS_REVIEW "LocalSubjectAccessReview" {
        1 metadata maybe OBJECT_META; 2 spec maybe SUBJECT_ACCESS_REVIEW_SPEC;
        3 status maybe SUBJECT_ACCESS_REVIEW_STATUS
    }
    NON_RESOURCE_ATTRIBUTES "NonResourceAttributes" { 1 path one Text; 2 verb one Text }
    NON_RESOURCE_RULE "NonResourceRule" { 1 verbs many Text; 2 nonResourceURLs many Text }
    POLICY_RULE "PolicyRule" {
        1 verbs many Text; 2 apiGroups many Text; 3 resources many Text; 4 resourceNames many Text;
        5 nonResourceURLs many Text
    }
    RESOURCE_ATTRIBUTES "ResourceAttributes" {
        1 namespace one Text; 2 verb one Text; 3 group one Text; 4 version one Text; 5 resource one Text;
        6 subresource one Text; 7 name one Text; 8 fieldSelector maybe FIELD_SELECTOR_ATTRIBUTES;
        9 labelSelector maybe LABEL_SELECTOR_ATTRIBUTES
    }
    RESOURCE_RULE "ResourceRule" {
        1 verbs many Text; 2 apiGroups many Text; 3 resources many Text; 4 resourceNames many Text
    }
    ROLE "Role" { 1 metadata maybe OBJECT_META; 2 rules many POLICY_RULE }
    ROLE_BINDING "RoleBinding" { 1 metadata maybe OBJECT_META; 2 subjects many SUBJECT; 3 roleRef maybe ROLE_REF }
    ROLE_REF "RoleRef" { 1 apiGroup one Text; 2 kind one Text; 3 name one Text }
    SELF_SUBJECT_ACCESS_REVIEW "SelfSubjectAccessReview" {
        1 metadata maybe OBJECT_META; 2 spec maybe SELF_SUBJECT_ACCESS_REVIEW_SPEC;
        3 status maybe SUBJECT_ACCESS_REVIEW_STATUS
    }
    SELF_SUBJECT_ACCESS_REVIEW_SPEC "SelfSubjectAccessReviewSpec" {
        1 resourceAttributes maybe RESOURCE_ATTRIBUTES; 2 nonResourceAttributes maybe NON_RESOURCE_ATTRIBUTES
    }
    SELF_SUBJECT_REVIEW "SelfSubjectReview" {
        1 metadata maybe OBJECT_META; 2 status maybe SELF_SUBJECT_REVIEW_STATUS
    }
    SELF_SUBJECT_REVIEW_STATUS "SelfSubjectReviewStatus" { 1 userInfo maybe USER_INFO }
    SELF_SUBJECT_RULES_REVIEW "SelfSubjectRulesReview" {
        1 metadata maybe OBJECT_META; 2 spec maybe SELF_SUBJECT_RULES_REVIEW_SPEC;
        3 status maybe SUBJECT_RULES_REVIEW_STATUS
    }
    SELF_SUBJECT_RULES_REVIEW_SPEC "SelfSubjectRulesReviewSpec" { 1 namespace one Text }
    SUBJECT "Subject" { 1 kind one Text; 2 apiGroup one Text; 3 name one Text; 4 namespace one Text }
    SUBJECT_ACCESS_REVIEW "SubjectAccessReview" {
        1 metadata maybe OBJECT_META; 2 spec maybe SUBJECT_ACCESS_REVIEW_SPEC;
        3 status maybe SUBJECT_ACCESS_REVIEW_STATUS
    }
    SUBJECT_ACCESS_REVIEW_SPEC "SubjectAccessReviewSpec" {
        1 resourceAttributes maybe RESOURCE_ATTRIBUTES; 2 nonResourceAttributes maybe NON_RESOURCE_ATTRIBUTES;
        3 user one Text; 4 groups many Text; 5 extra map Texts; 6 uid one Text
    }
    SUBJECT_ACCESS_REVIEW_STATUS "SubjectAccessReviewStatus" {
        1 allowed one Bool; 2 reason one Text; 3 evaluationError one Text; 4 denied one Bool
    }
    SUBJECT_RULES_REVIEW_STATUS "SubjectRulesReviewStatus" {
        1 resourceRules many RESOURCE_RULE; 2 nonResourceRules many NON_RESOURCE_RULE; 3 incomplete one Bool;
        4 evaluationError one Text
    }
    TOKEN_REQUEST_OF_AUTHN "TokenRequest" {
        1 metadata maybe OBJECT_META; 2 spec maybe TOKEN_REQUEST_SPEC; 3 status maybe TOKEN_REQUEST_STATUS
    }
    TOKEN_REQUEST_SPEC "TokenRequestSpec" {
        1 audiences many Text; 3 boundObjectRef maybe BOUND_OBJECT_REFERENCE; 4 expirationSeconds maybe Int64
    }
    TOKEN_REQUEST_STATUS "TokenRequestStatus" { 1 token one Text; 2 expirationTimestamp one Time }
    TOKEN_REVIEW "TokenReview" {
        1 metadata maybe OBJECT_META; 2 spec maybe TOKEN_REVIEW_SPEC; 3 status maybe TOKEN_REVIEW_STATUS
    }
    TOKEN_REVIEW_SPEC "TokenReviewSpec" { 1 token one Text; 2 audiences many Text }
    TOKEN_REVIEW_STATUS "TokenReviewStatus" {
        1 authenticated one Bool; 2 user maybe USER_INFO; 3 error one Text; 4 audiences many Text
    }
    USER_INFO "UserInfo" { 1 username one Text; 2 uid one Text; 3 groups many Text; 4 extra map Texts }
}
