//! What a cluster is made of: nodes, namespaces, services, accounts, roles, events.

use super::super::shape::{
    ATOMIC, Key, KeyDefault, Shape, Strategic, Topology, USUAL, atomic, key, list, merged, number, object,
};
use super::container::PROTOCOL;
use super::meta::{CONDITIONS, METADATA};

pub(super) static NAMESPACE: Shape = Shape::of(&[METADATA, object("status", &WITH_CONDITIONS)]);

static WITH_CONDITIONS: Shape = Shape::of(&[CONDITIONS]);

pub(super) static NODE: Shape = Shape::of(&[METADATA, object("spec", &NODE_SPEC), object("status", &NODE_STATUS)]);

static NODE_SPEC: Shape = Shape::of(&[list("podCIDRs", Strategic::Merge, Topology::Set, &USUAL)]);

static NODE_STATUS: Shape = Shape::of(&[merged("addresses", &[key("type")], &USUAL), CONDITIONS]);

pub(super) static SERVICE: Shape =
    Shape::of(&[METADATA, object("spec", &SERVICE_SPEC), object("status", &WITH_CONDITIONS)]);

static SERVICE_SPEC: Shape =
    Shape::of(&[list("ports", Strategic::MergeBy("port"), Topology::Map(SERVICE_PORT), &USUAL), atomic("selector")]);

const SERVICE_PORT: &[Key] = &[number("port"), PROTOCOL];

pub(super) static SERVICE_ACCOUNT: Shape =
    Shape::of(&[METADATA, merged("secrets", &[Key { name: "name", default: KeyDefault::Nothing }], &ATOMIC)]);

pub(super) static EVENT: Shape = Shape::of(&[METADATA, atomic("involvedObject"), atomic("related")]);

pub(super) static RUNTIME_CLASS: Shape = Shape::of(&[METADATA, object("scheduling", &SCHEDULING)]);

static SCHEDULING: Shape = Shape::of(&[atomic("nodeSelector")]);

pub(super) static ROLE_BINDING: Shape = Shape::of(&[METADATA, atomic("roleRef")]);
