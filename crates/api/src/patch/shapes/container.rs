//! Containers of all sorts.

use super::super::shape::{
    Field, Key, KeyDefault, Shape, Strategic, Topology, USUAL, applied, atomic, key, list, merged, number, object,
};

/// A container, and an ephemeral one.
pub(super) static CONTAINER: Shape = Shape::of(&[
    merged("env", &[key("name")], &ENV_VAR),
    list("ports", Strategic::MergeBy("containerPort"), Topology::Map(PORT), &USUAL),
    RESOURCES,
    merged("volumeDevices", &[key("devicePath")], &USUAL),
    merged("volumeMounts", &[key("mountPath")], &USUAL),
]);

const PORT: &[Key] = &[number("containerPort"), PROTOCOL];

/// The protocol of a port, which is TCP where nothing is said.
pub(super) const PROTOCOL: Key = Key { name: "protocol", default: KeyDefault::Text("TCP") };

/// What a container, or a Pod as a whole, may use.
pub(super) const RESOURCES: Field = object("resources", &RESOURCE_REQUIREMENTS);

static RESOURCE_REQUIREMENTS: Shape = Shape::of(&[applied("claims", Topology::Map(&[key("name")]))]);

static ENV_VAR: Shape = Shape::of(&[object("valueFrom", &ENV_VAR_SOURCE)]);

static ENV_VAR_SOURCE: Shape = Shape::of(&[
    atomic("configMapKeyRef"),
    atomic("fieldRef"),
    atomic("fileKeyRef"),
    atomic("resourceFieldRef"),
    atomic("secretKeyRef"),
]);
